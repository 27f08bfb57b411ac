{{/*
The groups of rules/*.yaml for this release, as YAML. The files are rules as they are; three things are put in here: whose
series are meant, where the runbooks are, and which monitor of the card an alert watches.
*/}}
{{- define "countersign.ruleGroups" -}}
{{- $values := .Values.monitoring -}}
{{- $job := printf "%s-audit" (include "countersign.fullname" .) -}}
{{- $target := printf "namespace=%q,job=%q" .Release.Namespace $job -}}
{{- $groups := list -}}
{{- $alerts := list -}}
{{- range $path, $content := .Files.Glob "rules/*.yaml" -}}
{{- range $group := (fromYaml (toString $content)).groups -}}
{{- $rules := list -}}
{{- range $rule := $group.rules -}}
{{- $_ := set $rule "expr" (replace "job=~\".+\"" $target $rule.expr) -}}
{{- $watched := list -}}
{{- if $rule.alert -}}
{{- $alerts = append $alerts $rule.alert -}}
{{- $_ := set $rule.annotations "runbook_url" (printf "%s%s" $values.prometheusRule.runbooks $rule.annotations.runbook_url) -}}
{{- range $values.monitors -}}
{{- if eq .alert $rule.alert -}}{{- $watched = append $watched .metric -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- range $watched -}}
{{- $own := deepCopy $rule -}}
{{- $_ := set $own "expr" (replace "monitor=~\".+\"" (printf "monitor=%q" .) $own.expr) -}}
{{- $_ := set $own.annotations "countersign_monitor" . -}}
{{- $rules = append $rules $own -}}
{{- end -}}
{{- if not (or $watched (contains "monitor=~\".+\"" $rule.expr)) -}}
{{- $rules = append $rules $rule -}}
{{- end -}}
{{- end -}}
{{- $groups = append $groups (dict "name" $group.name "rules" $rules) -}}
{{- end -}}
{{- end -}}
{{- range $values.monitors -}}
{{- if not (has .alert $alerts) -}}
{{- fail (printf "monitoring.monitors: %q is watched by %s, and no file in rules/ has an alert of that name" .metric .alert) -}}
{{- end -}}
{{- end -}}
{{- $reviews := list -}}
{{- range $values.monitors -}}
{{- if eq .alert "CountersignMonitorOverdue" -}}
{{- if not (and .reviewed .days) -}}
{{- fail (printf "monitoring.monitors: %q is watched by people, so say when they last did and how many days that holds (reviewed, days)" .metric) -}}
{{- end -}}
{{- $day := mustToDate "2006-01-02T15:04:05Z07:00" (printf "%sT00:00:00Z" .reviewed) -}}
{{- $due := add (unixEpoch $day | int64) (mul (int64 .days) 86400) -}}
{{- $labels := dict "namespace" $.Release.Namespace "job" $job "monitor" .metric -}}
{{- $reviews = append $reviews (dict "record" "countersign_monitor_review_due_timestamp_seconds" "expr" (printf "vector(%d)" $due) "labels" $labels) -}}
{{- end -}}
{{- end -}}
{{- if $reviews -}}
{{- $groups = append $groups (dict "name" "countersign-reviews" "rules" $reviews) -}}
{{- end -}}
{{- toYaml $groups -}}
{{- end }}
