// SPDX-License-Identifier: Apache-2.0

// Program fsck runs Tessera's fsck package, unmodified, over a log in a folder or behind a URL.
//
// Exit code 0 says that the log is sound, 1 that it is not (or that no verdict came in time), 2 that the question was
// wrong. A panic in the package ends with 2 as well, by Go's own rule: whatever is not 0 is a refusal. Tessera's own
// command of this version cannot be used for this: it exits 0 when the check fails.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
)

// With one worker the package waits for itself for ever when a tile differs.
const workers = 16

func main() {
	where := flag.String("log", "", "folder, or http(s) URL of the log")
	vkey := flag.String("vkey", "", "the log's verifier key")
	token := flag.String("token", "", "bearer token, if the log asks for one")
	limit := flag.Duration("timeout", 5*time.Minute, "no verdict by then is a refusal")
	flag.Parse()
	verifier, err := note.NewVerifier(*vkey)
	if err != nil {
		leave(2, fmt.Errorf("-vkey: %w", err))
	}
	source, err := open(*where, *token)
	if err != nil {
		leave(2, fmt.Errorf("-log: %w", err))
	}
	time.AfterFunc(*limit, func() { leave(1, errors.New("no verdict in time")) })
	checked := fsck.New(verifier.Name(), verifier, source, hashBundle, fsck.Opts{N: workers})
	if err := checked.Check(context.Background()); err != nil {
		leave(1, err)
	}
	fmt.Println("sound")
}

func open(where, token string) (fsck.Fetcher, error) {
	if !strings.Contains(where, "://") {
		root, err := filepath.Abs(where)
		if err != nil || where == "" {
			return nil, fmt.Errorf("no folder %q", where)
		}
		return &client.FileFetcher{Root: root}, nil
	}
	address, err := url.Parse(strings.TrimSuffix(where, "/") + "/")
	if err != nil {
		return nil, err
	}
	fetcher, err := client.NewHTTPFetcher(address, http.DefaultClient)
	if err == nil && token != "" {
		fetcher.SetAuthorizationHeader("Bearer " + token)
	}
	return fetcher, err
}

func hashBundle(bundle []byte) ([][]byte, error) {
	var decoded api.EntryBundle
	if err := decoded.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	hashes := make([][]byte, len(decoded.Entries))
	for at, entry := range decoded.Entries {
		hashes[at] = rfc6962.DefaultHasher.HashLeaf(entry)
	}
	return hashes, nil
}

func leave(code int, err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(code)
}
