{{/* One role for one container. Each of these takes (list . "sidecar") and says nothing where there is no role. */}}
{{- define "countersign.awsEnv" -}}
{{- $root := index . 0 -}}
{{- $role := index $root.Values.identity (index . 1) -}}
{{- if and (eq $root.Values.identity.mode "irsa") $role.roleArn -}}
- name: AWS_ROLE_ARN
  value: {{ $role.roleArn | quote }}
- name: AWS_WEB_IDENTITY_TOKEN_FILE
  value: /var/run/secrets/countersign/aws/token
- name: AWS_REGION
  value: {{ $root.Values.identity.region | quote }}
- name: AWS_STS_REGIONAL_ENDPOINTS
  value: regional
- name: AWS_EC2_METADATA_DISABLED # the node's own role is nobody's here
  value: "true"
{{- end -}}
{{- end }}

{{- define "countersign.awsMount" -}}
{{- $root := index . 0 -}}
{{- if and (eq $root.Values.identity.mode "irsa") (index $root.Values.identity (index . 1)).roleArn -}}
- {name: {{ include "countersign.awsVolumeName" (index . 1) }}, mountPath: /var/run/secrets/countersign/aws, readOnly: true}
{{- end -}}
{{- end }}

{{- define "countersign.awsVolume" -}}
{{- $root := index . 0 -}}
{{- $role := index $root.Values.identity (index . 1) -}}
{{- if and (eq $root.Values.identity.mode "irsa") $role.roleArn -}}
- name: {{ include "countersign.awsVolumeName" (index . 1) }}
  projected:
    defaultMode: 288 # 0440
    sources:
      - serviceAccountToken: {audience: {{ $role.audience }}, expirationSeconds: 3600, path: token}
{{- end -}}
{{- end }}

{{- define "countersign.awsVolumeName" -}}
aws-{{ . | kebabcase }}
{{- end }}
