{{/* The native sidecar: it starts before the service, and is told to stop when the service is gone. */}}
{{- define "countersign.sidecar" -}}
- name: sidecar
  image: {{ include "countersign.image" (list . .Values.images.sidecar "sidecar") }}
  imagePullPolicy: {{ .Values.images.pullPolicy }}
  restartPolicy: Always
  command: [countersign]
  args:
    - sidecar
    - --config
    - /settings/countersign.toml
    - --store
    - {{ include "countersign.store" . | quote }}
    - --key
    - /keys/log.key
    - --otlp-http
    - unix:/run/countersign/evidence.sock
    {{- if .Values.readSide.enabled }}
    - --otlp-http
    - $(POD_IP):4318
    {{- end }}
    - --audit
    - unix:/run/countersign/audit.sock
    - --audit
    - $(POD_IP):8081
    - --tokens
    - /tokens/tokens.toml
    {{- with .Values.archive }}
    - --archive
    - {{ . | quote }}
    {{- end }}
    {{- if .Values.witnesses.name }}
    - --witnesses
    - /witnesses/policy
    {{- end }}
    {{- if and (eq .Values.store.mode "sqlite") .Values.store.sqlite.anchorClaim }}
    - --anchor
    - /anchor
    {{- end }}
    {{- if .Values.sidecar.publicLog }}
    - --public-log
    {{- end }}
    {{- with include "countersign.tlsArguments" . }}
    {{- . | nindent 4 }}
    {{- end }}
  env:
    {{- include "countersign.podAddress" . | nindent 4 }}
    {{- with include "countersign.storeEnv" (list . .Values.store.postgresql) }}
    {{- . | trim | nindent 4 }}
    {{- end }}
    {{- with include "countersign.awsEnv" (list . "sidecar") }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- with .Values.sidecar.extraEnv }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  ports:
    - {name: audit, containerPort: 8081}
    {{- if .Values.readSide.enabled }}
    - {name: otlp-http, containerPort: 4318}
    {{- end }}
  startupProbe:
    {{- include "countersign.probe" (list . .Values.sidecar.probes.startup "audit") | nindent 4 }}
  readinessProbe:
    {{- include "countersign.probe" (list . .Values.sidecar.probes.readiness "audit") | nindent 4 }}
  livenessProbe:
    {{- include "countersign.probe" (list . .Values.sidecar.probes.liveness "audit") | nindent 4 }}
  resources:
    {{- toYaml .Values.sidecar.resources | nindent 4 }}
  securityContext:
    {{- include "countersign.containerSecurity" (list . .Values.sidecar.securityContext) | nindent 4 }}
  volumeMounts:
    - {name: evidence, mountPath: /run/countersign}
    - {name: settings, mountPath: /settings, readOnly: true}
    - {name: log-key, mountPath: /keys, readOnly: true}
    - {name: tokens, mountPath: /tokens, readOnly: true}
    {{- with include "countersign.storeMount" . }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- if .Values.witnesses.name }}
    - {name: witnesses, mountPath: /witnesses, readOnly: true}
    {{- end }}
    {{- with include "countersign.awsMount" (list . "sidecar") }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- with include "countersign.tlsMount" . }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- with .Values.sidecar.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
