{{- define "countersign.service" -}}
- name: service
  image: {{ include "countersign.image" (list . .Values.images.service "service") }}
  imagePullPolicy: {{ .Values.images.pullPolicy }}
  command: [countersign]
  args:
    - serve
    - --config
    - /settings/countersign.toml
    - --bundle
    - {{ .Values.images.service.bundlePath }}
    - --evidence
    - unix:/run/countersign/evidence.sock
    - --subject-key
    - /keys/subject.key
    - --tokens
    - /tokens/tokens.toml
    - --host
    - $(POD_IP)
    {{- if .Values.secrets.auditToken.name }}
    - --audit-url
    - unix:/run/countersign/audit.sock
    - --audit-token
    - /audit-token/token
    {{- end }}
    {{- with include "countersign.tlsArguments" . }}
    {{- . | nindent 4 }}
    {{- end }}
  env:
    {{- include "countersign.podAddress" . | nindent 4 }}
    - name: COUNTERSIGN_DEPLOYMENT__POD
      valueFrom: {fieldRef: {fieldPath: metadata.name}}
    - name: COUNTERSIGN_DEPLOYMENT__NODE
      valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
    - name: COUNTERSIGN_DEPLOYMENT__NAMESPACE
      valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
    # From the annotations, so that what admission looked at is what the service compares its bundle with, and so that
    # the verdict's digest stands nowhere in what the verdict is about.
    {{- range list "card" "artifact" "verdict" }}
    {{- if index $.Values.release . }}
    - name: COUNTERSIGN_RELEASE__{{ upper . }}
      valueFrom: {fieldRef: {fieldPath: "metadata.annotations['countersign.dev/{{ . }}']"}}
    {{- end }}
    {{- end }}
    {{- with include "countersign.awsEnv" (list . "service") }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- with .Values.service.extraEnv }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  ports:
    - {name: http, containerPort: 8080}
    - {name: metrics, containerPort: 9464}
  startupProbe:
    {{- include "countersign.probe" (list . .Values.service.probes.startup "http") | nindent 4 }}
  readinessProbe:
    {{- include "countersign.probe" (list . .Values.service.probes.readiness "http") | nindent 4 }}
  livenessProbe:
    {{- include "countersign.probe" (list . .Values.service.probes.liveness "http") | nindent 4 }}
  lifecycle:
    preStop: {sleep: {seconds: {{ .Values.termination.preStopSeconds }}}}
  resources:
    {{- toYaml .Values.service.resources | nindent 4 }}
  securityContext:
    {{- include "countersign.containerSecurity" (list . .Values.service.securityContext) | nindent 4 }}
  volumeMounts:
    - {name: evidence, mountPath: /run/countersign}
    - {name: settings, mountPath: /settings, readOnly: true}
    - {name: subject-key, mountPath: /keys, readOnly: true}
    - {name: tokens, mountPath: /tokens, readOnly: true}
    {{- if .Values.secrets.auditToken.name }}
    - {name: audit-token, mountPath: /audit-token, readOnly: true}
    {{- end }}
    {{- with include "countersign.awsMount" (list . "service") }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- with include "countersign.tlsMount" . }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- with .Values.service.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
