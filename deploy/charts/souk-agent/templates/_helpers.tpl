{{- define "souk-agent.labels" -}}
app.kubernetes.io/name: souk-agent
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "souk-agent.selector" -}}
app.kubernetes.io/name: souk-agent
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* The agent's configuration file. */}}
{{- define "souk-agent.config" -}}
{{- $driver := merge (dict "type" "kubernetes" "zone" .Values.zone "namespace" .Release.Namespace) .Values.driver -}}
{{- merge (dict
  "server" .Values.server
  "serverCAFile" "/etc/souk/server-ca.pem"
  "enrolTokenFile" "/etc/souk-token/token"
  "dataDir" "/var/lib/souk/agent"
  "driver" $driver) .Values.agent | toYaml -}}
{{- end }}

{{/* The port of a URL, https unless it says another. */}}
{{- define "souk-agent.serverPort" -}}
{{- $host := (urlParse .Values.server).host -}}
{{- if regexMatch ":[0-9]+$" $host }}{{ regexFind "[0-9]+$" $host }}{{ else }}443{{ end -}}
{{- end }}

{{/* The image; a tag that is a digest pins it. */}}
{{- define "souk-agent.image" -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion -}}
{{- .Values.image.repository }}{{ ternary "@" ":" (hasPrefix "sha256:" $tag) }}{{ $tag -}}
{{- end }}
