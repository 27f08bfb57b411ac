// SPDX-License-Identifier: Apache-2.0

// Program argocd is what of Argo CD works without a person, in one binary: it is whichever of these programs it is called
// by the name of. Its API server and its own command line are left out: a sync is asked for in the Application itself.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"

	controller "github.com/argoproj/argo-cd/v3/cmd/argocd-application-controller/commands"
	sets "github.com/argoproj/argo-cd/v3/cmd/argocd-applicationset-controller/commands"
	repositories "github.com/argoproj/argo-cd/v3/cmd/argocd-repo-server/commands"
	"github.com/argoproj/argo-cd/v3/util/log"
)

func main() {
	klog.SetLogger(log.NewLogrusLogger(log.NewWithCurrentConfig()))
	commands := map[string]func() *cobra.Command{
		"argocd-application-controller":    controller.NewCommand,
		"argocd-applicationset-controller": sets.NewCommand,
		"argocd-repo-server":               repositories.NewCommand,
	}
	name := filepath.Base(os.Args[0])
	command, known := commands[name]
	if !known {
		fmt.Fprintf(os.Stderr, "%s is none of Argo CD's application controller, set controller and repo server\n", name)
		os.Exit(64)
	}
	if command().Execute() != nil {
		os.Exit(1)
	}
}
