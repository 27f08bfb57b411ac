{{/* The store's URL as the programs take it. */}}
{{- define "countersign.store" -}}
{{- if eq .Values.store.mode "sqlite" -}}
sqlite:////data/store.db
{{- else -}}
{{- (index .Values.store .Values.store.mode).url -}}
{{- end -}}
{{- end }}

{{/* A login's own URL, or the store's: (list . login). */}}
{{- define "countersign.storeOf" -}}
{{- $root := index . 0 -}}
{{- if and (eq $root.Values.store.mode "postgresql") (index . 1).url -}}
{{- (index . 1).url -}}
{{- else -}}
{{- include "countersign.store" $root -}}
{{- end -}}
{{- end }}

{{/* What libpq takes besides the URL: (list . login). A login without a URL is the store's. */}}
{{- define "countersign.storeEnv" -}}
{{- $root := index . 0 -}}
{{- if eq $root.Values.store.mode "postgresql" -}}
{{- $login := ternary (index . 1) $root.Values.store.postgresql (ne (index . 1).url "") -}}
{{- with $login.passwordSecret -}}
{{- if .name -}}
- name: PGPASSWORD
  valueFrom: {secretKeyRef: {name: {{ .name }}, key: {{ .key }}}}
{{ end -}}
{{- end -}}
{{- if $root.Values.store.postgresql.caConfigMap.name -}}
- name: PGSSLROOTCERT
  value: /postgresql/ca.crt
{{- end -}}
{{- end -}}
{{- end }}

{{- define "countersign.storeMount" -}}
{{- if eq .Values.store.mode "sqlite" -}}
- {name: data, mountPath: /data}
{{- if .Values.store.sqlite.anchorClaim }}
- {name: anchor, mountPath: /anchor}
{{- end }}
{{- else -}}
{{- include "countersign.caMount" . -}}
{{- end -}}
{{- end }}

{{- define "countersign.caMount" -}}
{{- if and (eq .Values.store.mode "postgresql") .Values.store.postgresql.caConfigMap.name -}}
- {name: postgresql-ca, mountPath: /postgresql, readOnly: true}
{{- end -}}
{{- end }}

{{- define "countersign.caVolume" -}}
{{- with .Values.store.postgresql.caConfigMap -}}
{{- if and (eq $.Values.store.mode "postgresql") .name -}}
- name: postgresql-ca
  configMap:
    name: {{ .name }}
    items: [{key: {{ .key }}, path: ca.crt}]
{{- end -}}
{{- end -}}
{{- end }}

{{- define "countersign.storeVolume" -}}
{{- if eq .Values.store.mode "sqlite" -}}
- name: data
  persistentVolumeClaim:
    claimName: {{ default (printf "%s-store" (include "countersign.fullname" .)) .Values.store.sqlite.existingClaim }}
{{- with .Values.store.sqlite.anchorClaim }}
- name: anchor
  persistentVolumeClaim:
    claimName: {{ . }}
{{- end }}
{{- else -}}
{{- include "countersign.caVolume" . -}}
{{- end -}}
{{- end }}
