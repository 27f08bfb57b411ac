{{- define "countersign.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "countersign.fullname" -}}
{{- $name := include "countersign.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "countersign.serviceAccount" -}}
{{- default (ternary (include "countersign.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end }}

{{- define "countersign.readSideAccount" -}}
{{- default (printf "%s-read-side" (include "countersign.fullname" .)) .Values.readSide.serviceAccountName -}}
{{- end }}

{{/* Labels of every object; our own are not to be replaced, for policies and budgets select by them. */}}
{{- define "countersign.labels" -}}
{{- $chart := printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" -}}
{{- $own := dict "app.kubernetes.io/version" .Chart.AppVersion "app.kubernetes.io/managed-by" .Release.Service "helm.sh/chart" $chart -}}
{{- merge (fromYaml (include "countersign.instanceLabels" .)) $own (omit .Values.commonLabels "app.kubernetes.io/component" "countersign.dev/gate") | toYaml -}}
{{- end }}

{{- define "countersign.instanceLabels" -}}
app.kubernetes.io/name: {{ include "countersign.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* What selects the pods of one component: (list . "service"). */}}
{{- define "countersign.selector" -}}
{{ include "countersign.instanceLabels" (index . 0) }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* An image by its digest: (list . .Values.images.service "service"). */}}
{{- define "countersign.image" -}}
{{- $image := index . 1 -}}
{{- if not $image.repository -}}
{{- fail (printf "images.%s.repository is missing: no image is published, so name where you pushed yours" (index . 2)) -}}
{{- end -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else if (index . 0).Values.images.requireDigests -}}
{{- fail (printf "images.%s.digest is missing: a tag can be moved after the gate has said yes; name the digest, or set images.requireDigests=false where nothing is gated" (index . 2)) -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default "latest" $image.tag) -}}
{{- end -}}
{{- end }}

{{- define "countersign.gateImage" -}}
{{- if .Values.images.gate.repository -}}
{{- include "countersign.image" (list . .Values.images.gate "gate") -}}
{{- else -}}
{{- include "countersign.image" (list . .Values.images.sidecar "sidecar") -}}
{{- end -}}
{{- end }}
