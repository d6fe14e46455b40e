{{- define "souk.labels" -}}
app.kubernetes.io/name: souk
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "souk.selector" -}}
app.kubernetes.io/name: souk
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: control-plane
{{- end }}

{{/* The image; a tag that is a digest pins it. */}}
{{- define "souk.image" -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion -}}
{{- .Values.image.repository }}{{ ternary "@" ":" (hasPrefix "sha256:" $tag) }}{{ $tag -}}
{{- end }}

{{- define "souk.record" -}}{{ .Release.Name }}-record{{- end }}

{{/* The connection string of a role, without its password: (list $ "app"). */}}
{{- define "souk.dsn" -}}
{{- $ := index . 0 -}}{{- $r := $.Values.record -}}
{{- $host := ternary (printf "%s-rw" (include "souk.record" $)) $r.host $r.create -}}
host={{ $host }} port={{ $r.port }} dbname={{ $r.database }} user=souk_{{ index . 1 }} sslmode={{ $r.sslMode }}
{{- if or $r.create $r.caSecret }} sslrootcert=/etc/souk/authority/ca.crt{{ end -}}
{{- end }}

{{/* The Secret with the password of a role: (list $ "app"). */}}
{{- define "souk.passwordSecret" -}}
{{- $ := index . 0 -}}
{{- index $.Values.record.passwords (index . 1) | default (printf "%s-%s" (include "souk.record" $) (index . 1)) -}}
{{- end }}

{{- define "souk.keyringSecret" -}}
{{- .Values.keyring.secret | default (printf "%s-keyring" .Release.Name) -}}
{{- end }}

{{- define "souk.agentURL" -}}
{{- .Values.agents.url | default (printf "https://%s-agents.%s.svc:%v" .Release.Name .Release.Namespace .Values.agents.service.port) -}}
{{- end }}

{{/* The control plane's configuration file. It holds no secrets. */}}
{{- define "souk.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $record := dict "app" (include "souk.dsn" (list . "app")) "system" (include "souk.dsn" (list . "system"))
  "passwordFiles" (dict "app" "/etc/souk/passwords/app/password" "system" "/etc/souk/passwords/system/password") -}}
{{- $names := concat .Values.agents.names (list (printf "%s-agents.%s.svc" .Release.Name .Release.Namespace)) | uniq -}}
{{- $_ := mustMergeOverwrite $config (dict
  "record" $record
  "listen" "0.0.0.0:8080"
  "agentListen" "0.0.0.0:8443"
  "adminListen" (printf "0.0.0.0:%v" .Values.metrics.port)
  "agentNames" $names
  "agentURL" (include "souk.agentURL" .)
  "agentImage" (include "souk.image" .)
  "publicURL" .Values.publicURL
  "peers" (printf "%s-peers:8080" .Release.Name)
  "stopDelaySeconds" .Values.stopDelaySeconds
  "keyring" "/etc/souk/keyring/keyring") -}}
{{- if .Values.mail.config -}}
{{- $mail := deepCopy .Values.mail.config -}}
{{- if .Values.mail.passwordSecret }}{{ $_ := set $mail "passwordFile" "/etc/souk/mail/password" }}{{ end -}}
{{- $_ := set $config "mail" $mail -}}
{{- end -}}
{{- toYaml $config -}}
{{- end }}

{{- define "souk.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "souk.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "souk.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* The volume with the authority of the record's certificate, if there is one. */}}
{{- define "souk.authorityVolume" -}}
{{- if or .Values.record.create .Values.record.caSecret -}}
- name: authority
  secret:
    secretName: {{ ternary (printf "%s-ca" (include "souk.record" .)) .Values.record.caSecret .Values.record.create }}
    items: [{key: ca.crt, path: ca.crt}]
{{- end }}
{{- end }}

{{- define "souk.authorityMount" -}}
{{- if or .Values.record.create .Values.record.caSecret -}}
- {name: authority, mountPath: /etc/souk/authority, readOnly: true}
{{- end }}
{{- end }}
