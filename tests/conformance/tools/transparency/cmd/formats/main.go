// SPDX-License-Identifier: Apache-2.0

// Program formats verifies with transparency-dev's packages: formats/log, formats/proof and merkle/proof.
package main

import (
	"fmt"

	"github.com/transparency-dev/formats/log"
	cosignatures "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/formats/proof"
	merkle "github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"countersign.test/transparency/judge"
)

func main() {
	judge.Serve(map[string]judge.Verifier{
		"note":        parseCheckpoint,
		"cosignature": verifyCosignature,
		"inclusion":   verifyInclusion,
		"consistency": verifyConsistency,
		"tlog-proof":  verifyProof,
	})
}

func parseCheckpoint(q judge.Question) (judge.Answer, error) {
	verifier, err := note.NewVerifier(q.Vkey)
	if err != nil {
		return judge.Answer{}, err
	}
	checkpoint, _, _, err := log.ParseCheckpoint(q.Text, q.Origin, verifier)
	if err != nil {
		return judge.Answer{}, err
	}
	return judge.Answer{Size: int64(checkpoint.Size), Root: checkpoint.Hash}, nil
}

func verifyCosignature(q judge.Question) (judge.Answer, error) {
	verifier, err := note.NewVerifier(q.Vkey)
	if err != nil {
		return judge.Answer{}, err
	}
	witness, err := cosignatures.NewVerifierForCosignatureV1(q.Witness)
	if err != nil {
		return judge.Answer{}, err
	}
	checkpoint, _, opened, err := log.ParseCheckpoint(q.Text, q.Origin, verifier, witness)
	if err != nil {
		return judge.Answer{}, err
	}
	for _, signature := range opened.Sigs {
		if signature.Name == witness.Name() && signature.Hash == witness.KeyHash() {
			return judge.Answer{Size: int64(checkpoint.Size), Root: checkpoint.Hash}, nil
		}
	}
	return judge.Answer{}, fmt.Errorf("no line of the witness %s", witness.Name())
}

func verifyInclusion(q judge.Question) (judge.Answer, error) {
	if q.Index < 0 || q.Size < 0 {
		return judge.Answer{}, fmt.Errorf("negative index or size")
	}
	err := merkle.VerifyInclusion(rfc6962.DefaultHasher, uint64(q.Index), uint64(q.Size), q.Leaf, q.Hashes, q.Root)
	return judge.Answer{}, err
}

func verifyConsistency(q judge.Question) (judge.Answer, error) {
	if q.OldSize < 0 || q.Size < 0 {
		return judge.Answer{}, fmt.Errorf("negative size")
	}
	hasher, old, size := rfc6962.DefaultHasher, uint64(q.OldSize), uint64(q.Size)
	return judge.Answer{}, merkle.VerifyConsistency(hasher, old, size, q.Hashes, q.OldRoot, q.Root)
}

func verifyProof(q judge.Question) (judge.Answer, error) {
	verifier, err := note.NewVerifier(q.Vkey)
	if err != nil {
		return judge.Answer{}, err
	}
	var read proof.TLogProof
	if err := read.Unmarshal(q.Text); err != nil {
		return judge.Answer{}, err
	}
	checkpoint, _, _, err := log.ParseCheckpoint(read.Checkpoint, q.Origin, verifier)
	if err != nil {
		return judge.Answer{}, err
	}
	hashes := make([][]byte, len(read.Hashes))
	for at := range read.Hashes {
		hashes[at] = read.Hashes[at][:]
	}
	leaf := rfc6962.DefaultHasher.HashLeaf(q.Leaf)
	answer := judge.Answer{Size: int64(checkpoint.Size), Root: checkpoint.Hash}
	return answer, merkle.VerifyInclusion(
		rfc6962.DefaultHasher, read.Index, checkpoint.Size, leaf, hashes, checkpoint.Hash)
}
