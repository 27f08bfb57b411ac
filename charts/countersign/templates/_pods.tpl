{{/* Every pod: who it is and what it may do. Nothing of the cluster's API, nobody's user id but its own. */}}
{{- define "countersign.confined" -}}
automountServiceAccountToken: false
# Variables that Kubernetes makes for a Service of our name would be read as settings.
enableServiceLinks: false
securityContext:
  {{- mergeOverwrite (dict "runAsNonRoot" true "runAsUser" 65532 "runAsGroup" 65532 "fsGroup" 65532 "fsGroupChangePolicy" "OnRootMismatch" "seccompProfile" (dict "type" "RuntimeDefault")) (deepCopy .Values.podSecurityContext) | toYaml | nindent 2 }}
{{- with .Values.images.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Pods that stay are spread over zones and nodes: (list . "service"). */}}
{{- define "countersign.spread" -}}
{{- $root := index . 0 -}}
topologySpreadConstraints:
{{- with $root.Values.topologySpreadConstraints }}
  {{- toYaml . | nindent 2 }}
{{- else }}
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- include "countersign.selector" $ | nindent 8 }}
  {{- end }}
{{- end }}
{{- end }}

{{/* A container's security context: (list . overrides). */}}
{{- define "countersign.containerSecurity" -}}
{{- mergeOverwrite (dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "capabilities" (dict "drop" (list "ALL"))) (deepCopy (index . 1)) | toYaml -}}
{{- end }}

{{/* Labels of the pods that serve: what was given, and ours over it. */}}
{{- define "countersign.podLabels" -}}
{{- $own := merge (dict "app.kubernetes.io/component" "service") (fromYaml (include "countersign.labels" .)) -}}
{{- merge $own (omit .Values.podLabels "countersign.dev/gate") | toYaml -}}
{{- end }}

{{/* Annotations of these pods; what was given cannot say which release they are. */}}
{{- define "countersign.podAnnotations" -}}
{{- $own := dict "checksum/settings" (include "countersign.settings" . | sha256sum) -}}
{{- $own = merge $own (fromYaml (include "countersign.releaseAnnotations" .)) -}}
{{- merge $own (omit .Values.podAnnotations "countersign.dev/card" "countersign.dev/artifact" "countersign.dev/verdict") | toYaml -}}
{{- end }}

{{/* What a pod runs under, for people, for the service itself and for admission. */}}
{{- define "countersign.releaseAnnotations" -}}
{{- with .Values.release.card }}
countersign.dev/card: {{ . }}
{{- end }}
{{- with .Values.release.artifact }}
countersign.dev/artifact: {{ . }}
{{- end }}
{{- with .Values.release.verdict }}
countersign.dev/verdict: {{ . }}
{{- end }}
{{- end }}

{{- define "countersign.podAddress" -}}
- name: POD_IP
  valueFrom: {fieldRef: {fieldPath: status.podIP}}
{{- end }}

{{/* A probe by HTTP: (list . probe port). */}}
{{- define "countersign.probe" -}}
{{- $probe := index . 1 -}}
httpGet:
  path: {{ $probe.path }}
  port: {{ index . 2 }}
  scheme: {{ ternary "HTTPS" "HTTP" (eq (index . 0).Values.tls.endsAt "pod") }}
{{ omit $probe "path" | toYaml }}
{{- end }}

{{- define "countersign.tlsArguments" -}}
{{- if eq .Values.tls.endsAt "pod" -}}
- --tls-cert
- /tls/tls.crt
- --tls-key
- /tls/tls.key
{{- end -}}
{{- end }}

{{- define "countersign.tlsMount" -}}
{{- if eq .Values.tls.endsAt "pod" -}}
- {name: tls, mountPath: /tls, readOnly: true}
{{- end -}}
{{- end }}

{{- define "countersign.tlsVolume" -}}
{{- if eq .Values.tls.endsAt "pod" -}}
- name: tls
  secret: {secretName: {{ .Values.tls.secretName }}, defaultMode: 288} # 0440, which readers of YAML 1.2 take for a text
{{- end -}}
{{- end }}

{{/* A volume of one key of a secret: (list volume secret file). */}}
{{- define "countersign.secretVolume" -}}
{{- $secret := index . 1 -}}
- name: {{ index . 0 }}
  secret:
    secretName: {{ $secret.name }}
    defaultMode: 288 # 0440
    items: [{key: {{ $secret.key }}, path: {{ index . 2 }}}]
{{- end }}
