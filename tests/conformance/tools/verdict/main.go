// SPDX-License-Identifier: Apache-2.0

// Program verdict verifies an in-toto attestation with in-toto's own Go libraries: the DSSE envelope against a public
// key, then the statement and, where it is one, the verification summary. It prints what it read; 1 means refused.
package main

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	testresult "github.com/in-toto/attestation/go/predicates/test_result/v0"
	vsa "github.com/in-toto/attestation/go/predicates/vsa/v1"
	v1 "github.com/in-toto/attestation/go/v1"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/secure-systems-lab/go-securesystemslib/signerverifier"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: verdict ENVELOPE PUBLIC-KEY")
		os.Exit(2)
	}
	if err := read(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(envelopeFile, keyFile string) error {
	verifier, err := load(keyFile)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(envelopeFile)
	if err != nil {
		return err
	}
	var envelope dsse.Envelope
	if err := json.Unmarshal(data, &envelope); err != nil {
		return err
	}
	envelopeVerifier, err := dsse.NewEnvelopeVerifier(verifier)
	if err != nil {
		return err
	}
	accepted, err := envelopeVerifier.Verify(context.Background(), &envelope)
	if err != nil {
		return err
	}
	payload, err := envelope.DecodeB64Payload()
	if err != nil {
		return err
	}
	var statement v1.Statement
	if err := protojson.Unmarshal(payload, &statement); err != nil {
		return err
	}
	if err := statement.Validate(); err != nil {
		return err
	}
	if err := typed(statement.GetPredicateType(), statement.GetPredicate().AsMap()); err != nil {
		return err
	}
	names := []string{}
	for _, subject := range statement.GetSubject() {
		names = append(names, subject.GetName())
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"keyid":         accepted[0].KeyID,
		"type":          envelope.PayloadType,
		"predicateType": statement.GetPredicateType(),
		"subjects":      names,
		"predicate":     statement.GetPredicate().AsMap(),
	})
}

// typed reads a predicate as the type that in-toto publishes, strictly: no field may be unknown, except those that VSA
// lets anyone add under a URI.
func typed(predicateType string, predicate map[string]any) error {
	var message proto.Message
	switch predicateType {
	case "https://slsa.dev/verification_summary/v1":
		message = &vsa.VerificationSummary{}
	case "https://in-toto.io/attestation/test-result/v0.1":
		message = &testresult.TestResult{}
	default:
		return fmt.Errorf("predicate type %s", predicateType)
	}
	for name := range predicate {
		if strings.HasPrefix(name, "https://") {
			delete(predicate, name)
		}
	}
	// The specification has had the verifier's version since 1.1; the published type has not caught up.
	if verifier, ok := predicate["verifier"].(map[string]any); ok {
		delete(verifier, "version")
	}
	data, err := json.Marshal(predicate)
	if err != nil {
		return err
	}
	return protojson.Unmarshal(data, message)
}

// load names the key as the envelope does, by the SHA-256 of its DER form: the libraries leave names to their users.
func load(file string) (dsse.Verifier, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("no PEM")
	}
	digest := sha256.Sum256(block.Bytes)
	key, err := signerverifier.LoadKey(data)
	if err != nil {
		return nil, err
	}
	key.KeyID = hex.EncodeToString(digest[:])
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	return verifierFor(key, public)
}

func verifierFor(key *signerverifier.SSLibKey, public crypto.PublicKey) (dsse.Verifier, error) {
	switch key.KeyType {
	case signerverifier.ED25519KeyType:
		return signerverifier.NewED25519SignerVerifierFromSSLibKey(key)
	case signerverifier.ECDSAKeyType:
		return signerverifier.NewECDSASignerVerifierFromSSLibKey(key)
	}
	return nil, fmt.Errorf("a key of type %T", public)
}
