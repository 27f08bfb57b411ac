# SPDX-License-Identifier: Apache-2.0
"""ART-001: the artifact is an ONNX model by its bytes, and loading it runs nothing and reads nothing else.

## What it checks
The file's bytes, whatever its name: an ONNX model with an IR version, a graph that computes something and operator sets
of ONNX alone (`ai.onnx` and `ai.onnx.ml`), at the version that the card names, with no tensor in another file. Pickles,
archives and other formats are named for what they are. Nothing is loaded for this, and no severity lets it pass.

## Why
Loading a pickle runs whatever its author wrote. An operator of a foreign domain needs foreign code, and a tensor in
another file is covered by no digest: both would make the approved model something else.

## Reference
AI Act Article 15(5); NIST AI RMF MEASURE 2.7. Formats by their first bytes: Python `pickle` (protocol 2 and later), ZIP
(PyTorch, Keras), HDF5, gzip, GGUF, safetensors.

## Fails
The example names a text file of the bundle as its artifact:
```yaml
artifact:
  file: evidence/training-rows.txt
evidence: []
```
Another operator set than the card says:
```yaml
artifact:
  opset: 3
```

## Passes
```yaml
{}
```
"""

from collections.abc import Iterator
from typing import Final

from contracts.errors import ContractError
from policies.rules.artifact.onnx_model import OnnxModel, read_onnx
from policies.rules.judgement import Finding, Judgement, failed, judged, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="ART-001",
    title="the artifact is an ONNX model by its bytes, and loading it runs nothing and reads nothing else",
    severity=Severity.CRITICAL,
    over="bundle",
    waivable=False,
    controls=(Control("eu-ai-act", "Article 15(5)"), Control("nist-ai-rmf", "MEASURE 2.7")),
    remediation=(
        "Export the model to ONNX with standard operators and its weights inside the file, and train the bundle again "
        "(docs/train-your-own.md)."
    ),
)
DOMAINS: Final = frozenset({"", "ai.onnx", "ai.onnx.ml"})
_SIGNATURES: Final = (
    (b"PK\x03\x04", "a ZIP archive, such as PyTorch and Keras write"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"GGUF", "a GGUF model"),
    (b"(lp", "a pickle, which runs code when it is loaded"),
    (b"(dp", "a pickle, which runs code when it is loaded"),
    (b"#!", "a script"),
    (b"\x7fELF", "a program"),
)


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Read the bytes as they lie there."""
    try:
        model = read_onnx(bundle.artifact)
    except ContractError as error:
        return failed(
            Finding(
                place=bundle.file_place(bundle.card.artifact.file),
                message=f"the artifact is no ONNX model: {error}",
                seen=_known(bundle.artifact) or "an unknown format",
                wanted="an ONNX model",
            )
        )
    note = f"ONNX, IR version {model.ir_version}, {model.nodes} nodes, standard operators, one file"
    return judged(_findings(bundle, model), verified(note))


def _findings(bundle: BundleTarget, model: OnnxModel) -> Iterator[Finding]:
    file = bundle.file_place(bundle.card.artifact.file)
    foreign = sorted(set(model.opsets) - DOMAINS)
    if foreign:
        message = "the artifact needs operators of a foreign domain, and so code that is not ONNX's"
        yield Finding(place=file, message=message, seen=", ".join(foreign), wanted="ai.onnx and ai.onnx.ml alone")
    if model.external:
        message = "the artifact keeps tensors in another file, which no digest covers"
        yield Finding(place=file, message=message, seen="external data", wanted="every tensor inside the file")
    declared = bundle.card.artifact.opset
    found = {version for domain, version in model.opsets.items() if domain in ("", "ai.onnx")}
    if declared is not None and found and declared not in found:
        yield Finding(
            place=bundle.at("artifact", "opset"),
            message="the artifact uses another operator set than the card says",
            seen=str(declared),
            wanted=", ".join(map(str, sorted(found))),
        )


def _known(data: bytes) -> str | None:
    """What a file is by its first bytes."""
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    if data[:1] == b"\x80" and data[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "a pickle, which runs code when it is loaded"
    if len(data) > 9 and data[8:9] == b"{" and int.from_bytes(data[:8], "little") <= len(data) - 8:
        return "a safetensors file, which holds weights and no model"
    return None
