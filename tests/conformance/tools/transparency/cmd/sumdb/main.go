// SPDX-License-Identifier: Apache-2.0

// Program sumdb verifies with the Go checksum database's own packages: golang.org/x/mod/sumdb/note and sumdb/tlog.
package main

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"countersign.test/transparency/judge"
)

func main() {
	judge.Serve(map[string]judge.Verifier{
		"note":              openNote,
		"inclusion":         checkRecord,
		"consistency":       checkTree,
		"prove-inclusion":   proveRecord,
		"prove-consistency": proveTree,
	})
}

func openNote(q judge.Question) (judge.Answer, error) {
	verifier, err := note.NewVerifier(q.Vkey)
	if err != nil {
		return judge.Answer{}, err
	}
	_, err = note.Open(q.Text, note.VerifierList(verifier))
	return judge.Answer{}, err
}

func checkRecord(q judge.Question) (judge.Answer, error) {
	hashes, err := toHashes(append([][]byte{q.Root, q.Leaf}, q.Hashes...))
	if err != nil {
		return judge.Answer{}, err
	}
	return judge.Answer{}, tlog.CheckRecord(tlog.RecordProof(hashes[2:]), q.Size, hashes[0], q.Index, hashes[1])
}

func checkTree(q judge.Question) (judge.Answer, error) {
	hashes, err := toHashes(append([][]byte{q.Root, q.OldRoot}, q.Hashes...))
	if err != nil {
		return judge.Answer{}, err
	}
	return judge.Answer{}, tlog.CheckTree(tlog.TreeProof(hashes[2:]), q.Size, hashes[0], q.OldSize, hashes[1])
}

func proveRecord(q judge.Question) (judge.Answer, error) {
	stored, root, err := grow(q.Size)
	if err != nil {
		return judge.Answer{}, err
	}
	proof, err := tlog.ProveRecord(q.Size, q.Index, stored)
	return judge.Answer{Size: q.Size, Root: root[:], Hashes: toBytes(proof)}, err
}

func proveTree(q judge.Question) (judge.Answer, error) {
	stored, root, err := grow(q.Size)
	if err != nil {
		return judge.Answer{}, err
	}
	proof, err := tlog.ProveTree(q.Size, q.OldSize, stored)
	return judge.Answer{Size: q.Size, Root: root[:], Hashes: toBytes(proof)}, err
}

// memory is a tree in the order that tlog stores it in; trees only ever grow, so one serves every size.
type memory []tlog.Hash

func (m *memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for at, index := range indexes {
		if index < 0 || index >= int64(len(*m)) {
			return nil, errors.New("hash beyond the tree")
		}
		hashes[at] = (*m)[index]
	}
	return hashes, nil
}

var (
	tree   memory
	leaves int64
)

// grow makes the tree of the entries "entry 0", "entry 1", …, at least so many.
func grow(size int64) (*memory, tlog.Hash, error) {
	for ; leaves < size; leaves++ {
		hashes, err := tlog.StoredHashes(leaves, fmt.Appendf(nil, "entry %d", leaves), &tree)
		if err != nil {
			return nil, tlog.Hash{}, err
		}
		tree = append(tree, hashes...)
	}
	root, err := tlog.TreeHash(size, &tree)
	return &tree, root, err
}

func toHashes(raw [][]byte) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(raw))
	for at, value := range raw {
		if len(value) != tlog.HashSize {
			return nil, fmt.Errorf("a hash has %d bytes", len(value))
		}
		hashes[at] = tlog.Hash(value)
	}
	return hashes, nil
}

func toBytes(hashes []tlog.Hash) [][]byte {
	raw := make([][]byte, len(hashes))
	for at := range hashes {
		raw[at] = hashes[at][:]
	}
	return raw
}
