{{/* What renders but would not run, or would run without what it promises. Each refusal says why, and the mend. */}}
{{- define "countersign.refusals" -}}
{{- $v := .Values -}}
{{- if and $v.admissionPolicy.enabled $v.workload.enabled -}}
{{- fail "admissionPolicy.enabled with workload.enabled: who deploys a model must not be able to change what admits it; render the policy by itself, with workload.enabled=false, for the application of AppProject platform" -}}
{{- end -}}
{{- if $v.admissionPolicy.enabled -}}
{{- include "countersign.refusals.admission" . -}}
{{- end -}}
{{- if $v.workload.enabled -}}
{{- include "countersign.refusals.store" . -}}
{{- include "countersign.refusals.identity" . -}}
{{- include "countersign.refusals.pods" . -}}
{{- include "countersign.refusals.network" . -}}
{{- include "countersign.refusals.gate" . -}}
{{- end -}}
{{- end }}

{{- define "countersign.refusals.admission" -}}
{{- $p := .Values.admissionPolicy -}}
{{- if not (and $p.namespaces $p.writers $p.gateImage) -}}
{{- fail "admissionPolicy needs namespaces, writers and gateImage: without them it would hold for nobody, or keep the gate itself from running" -}}
{{- end -}}
{{- range $p.writers -}}
{{- if not (regexMatch "^system:serviceaccount:[a-z0-9]([-a-z0-9]*[a-z0-9])?:[a-z0-9]([-a-z0-9.]*[a-z0-9])?$" .) -}}
{{- fail (printf "admissionPolicy.writers: %s is no system:serviceaccount:NAMESPACE:NAME" .) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "countersign.refusals.store" -}}
{{- $v := .Values -}}
{{- $mode := $v.store.mode -}}
{{- if eq $mode "sqlite" -}}
{{- if $v.autoscaling.enabled -}}
{{- fail "store.mode sqlite with autoscaling.enabled: the store is one file with one writer, so a second pod could not start; set autoscaling.enabled=false and replicas=1, or choose store.mode postgresql or dynamodb" -}}
{{- end -}}
{{- if ne (int $v.replicas) 1 -}}
{{- fail "store.mode sqlite with more than one replica: the store is one file with one writer; set replicas=1, or choose store.mode postgresql or dynamodb" -}}
{{- end -}}
{{- if $v.readSide.enabled -}}
{{- fail "readSide.enabled with store.mode sqlite: another pod cannot read the file; ask the sidecar's own audit API, or choose store.mode postgresql or dynamodb" -}}
{{- end -}}
{{- else -}}
{{- $url := include "countersign.store" . -}}
{{- if not $url -}}
{{- fail (printf "store.%s.url is missing: evidence needs a store that all pods share" $mode) -}}
{{- end -}}
{{- range $where, $text := dict "store" $url "readSide" $v.readSide.postgresql.url "migration" $v.migration.postgresql.url -}}
{{- if regexMatch "^postgres(ql)?://[^/@]*:[^/@]*@|[?&]password=" $text -}}
{{- fail (printf "%s: the store's URL holds a password, which everyone who may see the pod could read; put it into a Secret and name that in passwordSecret" $where) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $v.migration.enabled (ne $mode "postgresql") -}}
{{- fail "migration.enabled: only store.mode postgresql has a schema to migrate" -}}
{{- end -}}
{{- if and $v.migration.enabled (not $v.migration.postgresql.url) -}}
{{- fail "migration.postgresql.url is missing: the schema belongs to a login of its own, which is not that of the sidecar" -}}
{{- end -}}
{{- end }}

{{- define "countersign.refusals.identity" -}}
{{- $i := .Values.identity -}}
{{- if and (eq .Values.store.mode "dynamodb") (or (ne $i.mode "irsa") (not $i.sidecar.roleArn)) -}}
{{- fail "store.mode dynamodb needs identity.mode=irsa and identity.sidecar.roleArn: without a role of its own the sidecar would have to use the node's" -}}
{{- end -}}
{{- if eq $i.mode "irsa" -}}
{{- if not $i.region -}}
{{- fail "identity.region is missing: tokens are exchanged at the region's own STS" -}}
{{- end -}}
{{- if and $i.service.roleArn $i.sidecar.roleArn (eq $i.service.audience $i.sidecar.audience) -}}
{{- fail "identity.service and identity.sidecar have one audience: the service could then become the sidecar and sign; give each its own" -}}
{{- end -}}
{{- end -}}
{{- if and (eq .Values.tls.endsAt "pod") (not .Values.tls.secretName) -}}
{{- fail "tls.endsAt pod needs tls.secretName, a Secret with tls.crt and tls.key" -}}
{{- end -}}
{{- end }}

{{- define "countersign.refusals.pods" -}}
{{- $v := .Values -}}
{{- if and $v.autoscaling.enabled (gt (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas)) -}}
{{- fail "autoscaling.minReplicas is greater than autoscaling.maxReplicas" -}}
{{- end -}}
{{- if and $v.autoscaling.enabled (not (or $v.autoscaling.cpu $v.autoscaling.memory $v.autoscaling.metrics)) -}}
{{- fail "autoscaling measures nothing: set cpu, memory or metrics" -}}
{{- end -}}
{{- if and $v.disruptionBudget.enabled (not (hasSuffix "%" (toString $v.disruptionBudget.maxUnavailable))) -}}
{{- $least := ternary $v.autoscaling.minReplicas $v.replicas $v.autoscaling.enabled -}}
{{- if and (gt (int $least) 1) (ge (int $v.disruptionBudget.maxUnavailable) (int $least)) -}}
{{- fail (printf "disruptionBudget.maxUnavailable lets all %d pods go at once; set it below that" (int $least)) -}}
{{- end -}}
{{- end -}}
{{- $t := $v.termination -}}
{{- $needed := add $t.preStopSeconds (mul 2 $t.drainSeconds) $t.flushSeconds 5 -}}
{{- if gt (int $needed) (int $t.gracePeriodSeconds) -}}
{{- fail (printf "termination.gracePeriodSeconds is %d, and preStop + 2 × drain + flush + 5 is %d: the sidecar is stopped last and would be killed before its last record; raise gracePeriodSeconds or lower the others" (int $t.gracePeriodSeconds) (int $needed)) -}}
{{- end -}}
{{- end }}

{{- define "countersign.refusals.network" -}}
{{- $v := .Values -}}
{{- if $v.networkPolicy.enabled -}}
{{- if and (eq $v.store.mode "postgresql") (not $v.networkPolicy.store.cidrs) -}}
{{- fail "networkPolicy.store.cidrs is missing: everything that is not named is denied, so the sidecar could not reach its store" -}}
{{- end -}}
{{- if and (eq $v.identity.mode "irsa") (not $v.networkPolicy.aws.cidrs) -}}
{{- fail "networkPolicy.aws.cidrs is missing: everything that is not named is denied, so no role could be taken on" -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "countersign.refusals.gate" -}}
{{- $v := .Values -}}
{{- if $v.gate.enabled -}}
{{- $r := $v.release -}}
{{- if not (and $r.model.id $r.model.version $r.card $r.artifact $r.verdict $v.gate.verdictText) -}}
{{- fail "gate.enabled needs release.model, release.card, release.artifact, release.verdict and gate.verdictText: there is nothing to verify otherwise" -}}
{{- end -}}
{{- if and $v.gate.allowed $v.networkPolicy.enabled (not $v.networkPolicy.apiServer.cidrs) -}}
{{- fail "networkPolicy.apiServer.cidrs is missing: everything that is not named is denied, so the gate could not write gate.allowed; name the addresses that the API server answers on, or empty gate.allowed where no admission policy reads it" -}}
{{- end -}}
{{- if ne $r.verdict (printf "sha256:%s" (sha256sum $v.gate.verdictText)) -}}
{{- fail (printf "release.verdict is not the digest of gate.verdictText, which is sha256:%s" (sha256sum $v.gate.verdictText)) -}}
{{- end -}}
{{- end -}}
{{- end }}
