// SPDX-License-Identifier: Apache-2.0

// Program tesseralog writes a log with Tessera's POSIX driver: a C2SP log that none of our code had a hand in.
//
// Entry i is "foreign entry i". Beside the log it leaves the checkpoint of every step and a tlog-proof for every entry
// asked for. The key is made from fixed bytes: the log is worth nothing but for tests.
package main

import (
	"context"
	"crypto/ed25519"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"encoding/base64"

	"github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

const origin = "foreign.example.com/tessera"

func main() {
	folder := flag.String("out", "", "folder to write: log/, vkey, checkpoint.<size>, <index>.tlog-proof")
	steps := flag.String("steps", "100,200", "entries of each step")
	proofs := flag.String("proofs", "0", "entries to prove")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, *folder, *steps, *proofs); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, folder, steps, proofs string) error {
	logFolder := filepath.Join(folder, "log")
	if err := os.MkdirAll(logFolder, 0o755); err != nil {
		return err
	}
	vkey, signer, err := keys()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "vkey"), []byte(vkey+"\n"), 0o644); err != nil {
		return err
	}
	if err := grow(ctx, folder, logFolder, steps, signer); err != nil {
		return err
	}
	return prove(ctx, folder, logFolder, proofs, vkey)
}

func keys() (string, note.Signer, error) {
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, "only ever used by tests")
	public := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	vkey, err := note.NewEd25519VerifierKey(origin, public)
	if err != nil {
		return "", nil, err
	}
	id := strings.Split(vkey, "+")[1]
	secret := base64.StdEncoding.EncodeToString(append([]byte{1}, seed...))
	signer, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%s+%s", origin, id, secret))
	return vkey, signer, err
}

func grow(ctx context.Context, folder, logFolder, steps string, signer note.Signer) error {
	driver, err := posix.New(ctx, posix.Config{Path: logFolder})
	if err != nil {
		return err
	}
	options := tessera.NewAppendOptions().WithCheckpointSigner(signer).
		WithBatching(256, 50*time.Millisecond).WithCheckpointInterval(100 * time.Millisecond)
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		return err
	}
	awaiter := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 20*time.Millisecond)
	size := 0
	for _, step := range strings.Split(steps, ",") {
		count, err := strconv.Atoi(step)
		if err != nil || count < 1 {
			return fmt.Errorf("-steps: %q", step)
		}
		checkpoint, err := add(ctx, appender, awaiter, size, count)
		if err != nil {
			return err
		}
		size += count
		if err := os.WriteFile(fmt.Sprintf("%s/checkpoint.%d", folder, size), checkpoint, 0o644); err != nil {
			return err
		}
	}
	return shutdown(ctx)
}

// add appends entries one after the other, so that their order is certain, and waits until all are published.
func add(
	ctx context.Context, appender *tessera.Appender, awaiter *tessera.PublicationAwaiter, first, count int,
) ([]byte, error) {
	futures := make([]tessera.IndexFuture, count)
	for at := range futures {
		futures[at] = appender.Add(ctx, tessera.NewEntry(fmt.Appendf(nil, "foreign entry %d", first+at)))
	}
	for at, future := range futures {
		if index, err := future(); err != nil || index.Index != uint64(first+at) {
			return nil, fmt.Errorf("entry %d went to %d: %v", first+at, index.Index, err)
		}
	}
	_, checkpoint, err := awaiter.Await(ctx, futures[count-1])
	return checkpoint, err
}

func prove(ctx context.Context, folder, logFolder, indexes, vkey string) error {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	files := &client.FileFetcher{Root: logFolder}
	checkpoint, raw, _, err := client.FetchCheckpoint(ctx, files.ReadCheckpoint, verifier, origin)
	if err != nil {
		return err
	}
	builder, err := client.NewProofBuilder(ctx, checkpoint.Size, files.ReadTile)
	if err != nil {
		return err
	}
	for _, text := range strings.Split(indexes, ",") {
		index, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return err
		}
		hashes, err := builder.InclusionProof(ctx, index)
		if err != nil {
			return err
		}
		written := proof.TLogProof{Index: index, Checkpoint: raw}
		for _, hash := range hashes {
			written.Hashes = append(written.Hashes, [32]byte(hash))
		}
		if err := os.WriteFile(fmt.Sprintf("%s/%d.tlog-proof", folder, index), written.Marshal(), 0o644); err != nil {
			return err
		}
	}
	return nil
}
