// SPDX-License-Identifier: Apache-2.0

// Sends spans with the OpenTelemetry JavaScript SDK, as an application would, and exits 0 only when the SDK says that
// every one of them was delivered.
//
//   node send.js http/protobuf|http/json|grpc ENDPOINT COUNT

import { ExportResultCode } from "@opentelemetry/core";
import { OTLPTraceExporter as GrpcExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";

const EXPORTERS = { "http/protobuf": ProtobufExporter, "http/json": JsonExporter, grpc: GrpcExporter };

const [protocol, url, count] = process.argv.slice(2);
const made = new InMemorySpanExporter();
const provider = new BasicTracerProvider({
  resource: resourceFromAttributes({ "service.name": "javascript" }),
  spanProcessors: [new SimpleSpanProcessor(made)],
});
const tracer = provider.getTracer("conformance", "1.0.0");
for (let index = 0; index < Number(count); index += 1) {
  const span = tracer.startSpan("javascript", {
    attributes: { index, ratio: 0.5, text: "ünï → ☂", yes: true, list: ["a", "b"], big: Number.MAX_SAFE_INTEGER },
  });
  span.addEvent("event", { at: index });
  span.end();
}
await provider.forceFlush();
const spans = made.getFinishedSpans();
const exporter = new EXPORTERS[protocol]({ url, timeoutMillis: 20000 });
const result = await new Promise((resolve) => exporter.export(spans, resolve));
await exporter.shutdown();
if (result.code !== ExportResultCode.SUCCESS) {
  console.error(String(result.error));
  process.exit(1);
}
console.log(JSON.stringify(spans.map((span) => [span.spanContext().traceId, span.spanContext().spanId])));
