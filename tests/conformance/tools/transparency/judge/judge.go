// SPDX-License-Identifier: Apache-2.0

// Package judge is what the verifiers under cmd share: questions come in as one JSON object a line, and each is
// answered by one line. It decides nothing itself.
package judge

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

// Question is one thing to verify or to prove; Ask names it, and each kind reads the fields it needs.
// Byte fields are standard base64, as encoding/json has them.
type Question struct {
	Ask     string   `json:"ask"`
	Index   int64    `json:"index"`
	Size    int64    `json:"size"`
	Root    []byte   `json:"root"`
	OldSize int64    `json:"old_size"`
	OldRoot []byte   `json:"old_root"`
	Leaf    []byte   `json:"leaf"`
	Hashes  [][]byte `json:"hashes"`
	Vkey    string   `json:"vkey"`
	Origin  string   `json:"origin"`
	Text    []byte   `json:"text"`
	Witness string   `json:"witness"`
}

// Answer says whether the verifier accepted, why not, and what was asked for.
type Answer struct {
	Accepted bool     `json:"accepted"`
	Reason   string   `json:"reason,omitempty"`
	Size     int64    `json:"size,omitempty"`
	Root     []byte   `json:"root,omitempty"`
	Hashes   [][]byte `json:"hashes,omitempty"`
}

// Verifier answers one question; its error is a refusal.
type Verifier func(Question) (Answer, error)

// Serve answers every line of stdin. A line that is no question ends the process with exit code 2.
func Serve(kinds map[string]Verifier) {
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	decoder := json.NewDecoder(lines)
	encoder := json.NewEncoder(os.Stdout)
	for decoder.More() {
		var question Question
		if err := decoder.Decode(&question); err != nil {
			fmt.Fprintln(os.Stderr, "not a question:", err)
			os.Exit(2)
		}
		verify, known := kinds[question.Ask]
		if !known {
			fmt.Fprintf(os.Stderr, "no verifier for %q\n", question.Ask)
			os.Exit(2)
		}
		answer, err := verify(question)
		answer.Accepted = err == nil
		if err != nil {
			answer.Reason = err.Error()
		}
		if err := encoder.Encode(answer); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
}
