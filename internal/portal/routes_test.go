package portal_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/driver"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/instance"
	"souk/internal/portal"
	"souk/internal/sso/fakeprovider"
	"souk/internal/store"
)

// routeRow says whom a route answers, and with what. Whoever else belongs to the
// organization is forbidden it; for others there is no such page.
type routeRow struct {
	may      string // roles in the organization
	operator string // roles of the operator's staff
	signedIn bool   // whoever is logged in
	everyone bool   // whoever asks
	answer   int    // 0: 200, or for a form 303
	others   int    // answers some of them all the same, as who is logged in is led elsewhere
	// ask makes what the route is about for one asker, and says how it is asked.
	ask func(t *testing.T, s *site, email string) (path string, form url.Values)
}

// Roles, as rows name them.
const (
	everyRole = readers + " billing"
	readers   = editors + " viewer"
	editors   = admins + " editor"
	admins    = "owner admin"
)

var routeRows = map[string]routeRow{
	"GET /{$}":               {everyone: true, ask: at("/")},
	"GET /docs":              {everyone: true, ask: at("/docs")},
	"GET /docs/{page}":       {everyone: true, ask: at("/docs/costs")},
	"GET /pricing":           {everyone: true, ask: at("/pricing")},
	"GET /catalog":           {everyone: true, ask: at("/catalog")},
	"GET /catalog/{service}": {everyone: true, ask: at("/catalog/" + httpapitest.Service)},
	"GET /evidence/{result}": {everyone: true, ask: func(t *testing.T, s *site, _ string) (string, url.Values) {
		return "/evidence/" + s.proven(t).ID, nil
	}},

	"GET /login": {everyone: true, others: 303, ask: at("/login")},
	"POST /login": {everyone: true, ask: func(_ *testing.T, _ *site, email string) (string, url.Values) {
		return "/login", url.Values{"email": {email}, "password": {httpapitest.Password}}
	}},
	"POST /logout":   {everyone: true, ask: sent("/logout")},
	"POST /settings": {everyone: true, ask: sent("/settings", "theme", "dark")},

	"GET /signup":          {everyone: true, others: 303, ask: at("/signup")},
	"GET /signup/sent":     {everyone: true, answer: 303, ask: at("/signup/sent")},
	"GET /verify-email":    {everyone: true, ask: at("/verify-email")},
	"POST /verify-email":   {everyone: true, answer: 422, ask: sent("/verify-email", "token", "nonsense")},
	"GET /password/forgot": {everyone: true, ask: at("/password/forgot")},
	"GET /password/sent":   {everyone: true, answer: 303, ask: at("/password/sent")},
	"GET /password/reset":  {everyone: true, ask: at("/password/reset")},
	"POST /password/reset": {everyone: true, answer: 422, ask: sent("/password/reset", "token", "nonsense", "password", "another long one")},
	"GET /invitation":      {everyone: true, ask: at("/invitation")},
	"POST /invitation":     {everyone: true, answer: 422, ask: sent("/invitation", "token", "nonsense")},
	"POST /signup": {everyone: true, ask: func(*testing.T, *site, string) (string, url.Values) {
		return "/signup", url.Values{"email": {fresh() + "@example.org"}, "password": {httpapitest.Password}, "name": {fresh()}}
	}},
	"POST /signup/resend":   {everyone: true, ask: mailed("/signup/resend")},
	"POST /password/forgot": {everyone: true, ask: mailed("/password/forgot")},

	"GET /dev/mail":           {everyone: true, ask: at("/dev/mail")},
	"GET /dev/mail/{id}":      {everyone: true, ask: caught("")},
	"GET /dev/mail/{id}/html": {everyone: true, ask: caught("/html")},

	"GET /organizations/new": {signedIn: true, ask: at("/organizations/new")},
	"POST /organizations/new": {signedIn: true, ask: func(*testing.T, *site, string) (string, url.Values) {
		return "/organizations/new", url.Values{"displayName": {"Mine"}, "name": {fresh()}}
	}},

	"GET /login/code":     {everyone: true, answer: 303, ask: at("/login/code")}, // nobody is half-way in
	"POST /login/code":    {everyone: true, answer: 422, ask: sent("/login/code", "code", "000000")},
	"POST /login/passkey": {everyone: true, answer: 422, ask: sent("/login/passkey", "credential", "nonsense")},
	"GET /sso/start":      {everyone: true, others: 303, ask: at("/sso/start")},
	"POST /sso/start":     {everyone: true, answer: 422, ask: sent("/sso/start", "email", "somebody@nowhere.example")},
	"GET /sso/callback":   {everyone: true, answer: 422, ask: at("/sso/callback?state=nonsense&code=nonsense")},

	"GET /account":           {signedIn: true, answer: 303, ask: at("/account")},
	"GET /account/profile":   {signedIn: true, ask: at("/account/profile")},
	"POST /account/profile":  {signedIn: true, ask: sent("/account/profile", "name", "Somebody", "locale", "en", "timeZone", "UTC")},
	"GET /account/password":  {signedIn: true, ask: at("/account/password")},
	"POST /account/password": {signedIn: true, answer: 422, ask: sent("/account/password", "current", httpapitest.Password, "new", "a new one that is long", "repeat", "another")},
	"GET /account/sessions":  {signedIn: true, ask: at("/account/sessions")},
	"POST /account/sessions/{id}/end": {signedIn: true, ask: func(t *testing.T, s *site, email string) (string, url.Values) {
		return "/account/sessions/" + s.sessionID(t, s.Session(t, email)) + "/end", url.Values{}
	}},
	"POST /account/sessions/end-others":   {signedIn: true, ask: sent("/account/sessions/end-others")},
	"GET /account/second-factor":          {signedIn: true, ask: at("/account/second-factor")},
	"POST /account/second-factor/begin":   {signedIn: true, answer: 200, ask: sent("/account/second-factor/begin")},
	"POST /account/second-factor/confirm": {signedIn: true, answer: 422, ask: sent("/account/second-factor/confirm", "code", "nonsense")},
	"POST /account/second-factor/codes":   {signedIn: true, answer: 422, ask: sent("/account/second-factor/codes", "password", httpapitest.Password, "code", "nonsense")},
	"POST /account/second-factor/disable": {signedIn: true, answer: 422, ask: sent("/account/second-factor/disable", "password", httpapitest.Password, "code", "nonsense")},
	"POST /account/passkeys/begin":        {signedIn: true, answer: 422, ask: sent("/account/passkeys/begin")},
	"POST /account/passkeys":              {signedIn: true, answer: 422, ask: sent("/account/passkeys", "name", "laptop", "password", httpapitest.Password)},
	"POST /account/passkeys/{id}/remove":  {signedIn: true, answer: 404, ask: sent("/account/passkeys/" + uuid.NewString() + "/remove")},
	"GET /device":                         {signedIn: true, ask: at("/device")},
	"POST /device":                        {signedIn: true, answer: 200, ask: waiting("")},
	"POST /device/approve":                {signedIn: true, ask: waiting("/approve")},
	"POST /device/deny":                   {signedIn: true, ask: waiting("/deny")},

	"GET /o/{org}/buckets":  {may: readers, ask: at(own + "/buckets")},
	"POST /o/{org}/buckets": {may: admins, answer: 422, ask: sent(own+"/buckets", "name", "mine", "zone", httpapitest.Zone, "endpoint", "s3.example.com", "region", "eu-1", "bucket", "backups", "accessKey", "key", "secretKey", "secret")}, // no agent is connected
	"POST /o/{org}/buckets/{bucket}/delete": {may: admins, ask: func(t *testing.T, s *site, _ string) (string, url.Values) {
		return own + "/buckets/" + s.keepsBucket(t) + "/delete", url.Values{}
	}},
	"GET /o/{org}/alerts": {may: readers, ask: at(own + "/alerts")},
	"POST /o/{org}/alert-channels": {may: admins, answer: 200, ask: func(*testing.T, *site, string) (string, url.Values) { // with the secret
		return own + "/alert-channels", url.Values{"name": {fresh()}, "kind": {"webhook"}, "url": {"https://hooks.example.com/x"}}
	}},
	"POST /o/{org}/alert-channels/{channel}/quiet":  {may: admins, ask: onChannel("/quiet", url.Values{"quietFrom": {"22:00"}, "quietTo": {"07:00"}, "quietZone": {"Europe/Zurich"}})},
	"POST /o/{org}/alert-channels/{channel}/test":   {may: admins, ask: onChannel("/test", url.Values{})},
	"POST /o/{org}/alert-channels/{channel}/delete": {may: admins, ask: onChannel("/delete", url.Values{})},
	"GET " + ofInstance + "/runbooks/{runbook}":     {may: readers, ask: ready("/runbooks/storage")},

	"GET /o/{org}/maintenance":                         {may: readers, ask: at(own + "/maintenance")},
	"POST /o/{org}/maintenance/calendar":               {may: readers, answer: 200, ask: sent(own + "/maintenance/calendar")},
	"POST /o/{org}/maintenance/calendar/end":           {may: readers, ask: sent(own + "/maintenance/calendar/end")},
	"GET " + ofInstance + "/maintenance":               {may: readers, ask: ready("/maintenance")},
	"POST " + ofInstance + "/maintenance/window":       {may: editors, ask: onInstance("/maintenance/window", url.Values{"day": {"monday"}, "at": {"02:30"}, "minutes": {"60"}, "timeZone": {"UTC"}}, nil)},
	"POST " + ofInstance + "/maintenance/{id}/defer":   {may: editors, ask: onMaintenance("/defer")},
	"POST " + ofInstance + "/maintenance/{id}/run":     {may: editors, ask: onMaintenance("/run")},
	"POST " + ofInstance + "/maintenance/{id}/approve": {may: editors, ask: onMaintenance("/approve")},
	"POST " + ofInstance + "/maintenance/{id}/cancel":  {may: editors, ask: onMaintenance("/cancel")},

	"GET /o/{org}/sso":         {may: "owner", ask: at(own + "/sso")},
	"POST /o/{org}/sso":        {may: "owner", ask: provided("")},
	"POST /o/{org}/sso/test":   {may: "owner", answer: 200, ask: provided("/test")},
	"POST /o/{org}/sso/delete": {may: "owner", ask: provided("/delete")},
	"POST /o/{org}/sso/domains": {may: "owner", ask: func(*testing.T, *site, string) (string, url.Values) {
		return own + "/sso/domains", url.Values{"domain": {fresh() + ".example"}}
	}},
	"POST /o/{org}/sso/domains/{domain}/prove":  {may: "owner", answer: 422, ask: claimed("/prove")}, // there is no such record
	"POST /o/{org}/sso/domains/{domain}/remove": {may: "owner", ask: claimed("/remove")},

	"GET /o/{org}":         {may: everyRole, ask: at(own)},
	"GET /o/{org}/costs":   {may: everyRole, ask: at(own + "/costs")},
	"GET /o/{org}/budgets": {may: everyRole, ask: at(own + "/budgets")},
	"POST /o/{org}/budgets": {may: payers, ask: func(*testing.T, *site, string) (string, url.Values) {
		return own + "/budgets", url.Values{"name": {fresh()}, "amount": {"500"}, "actual": {"50, 80"}, "forecast": {""}, "action": {"none"}}
	}},
	"GET /o/{org}/budgets/{budget}":               {may: everyRole, ask: budgeted("", nil)},
	"POST /o/{org}/budgets/{budget}":              {may: payers, ask: budgeted("", url.Values{"amount": {"600"}, "actual": {"100"}, "forecast": {"100"}, "action": {"refuse"}})},
	"POST /o/{org}/budgets/{budget}/delete":       {may: payers, ask: budgeted("/delete", url.Values{})},
	"GET /o/{org}/invoices":                       {may: everyRole, ask: at(own + "/invoices")},
	"GET /o/{org}/invoices/draft":                 {may: everyRole, ask: at(own + "/invoices/draft")},
	"GET /o/{org}/invoices/{number}":              {may: everyRole, ask: onInvoice("")},
	"GET /o/{org}/invoices/{number}/{form}":       {may: everyRole, ask: onInvoice("/pdf")},
	"GET /o/{org}/invoices/draft/lines/{key}":     {may: everyRole, ask: onCostLine("/invoices/draft/lines/")},
	"GET /o/{org}/invoices/{number}/lines/{line}": {may: everyRole, ask: onInvoice("/lines/1")},
	"GET /o/{org}/costs/lines/{key}":              {may: everyRole, ask: onCostLine("/costs/lines/")},
	"GET /o/{org}/costs/events":                   {may: everyRole, ask: at(own + "/costs/events?instance=00000000-0000-0000-0000-000000000001&meter=queries&hour=2026-03-01T10:00:00Z")},
	"GET /o/{org}/billing":                        {may: everyRole, ask: at(own + "/billing")},
	"POST /o/{org}/billing":                       {may: payers, ask: sent(own+"/billing", "name", "Acme AG", "postalCode", "8001", "town", "Zürich", "country", "CH")},
	"GET /o/{org}/sla":                            {may: everyRole, ask: at(own + "/sla")},
	"GET /o/{org}/sla/{file}":                     {may: everyRole, ask: at(own + "/sla/report.pdf")},
	"GET /o/{org}/costs.csv":                      {may: everyRole, ask: at(own + "/costs.csv?by=instance")},
	"GET /o/{org}/costs/total":                    {may: everyRole, ask: at(own + "/costs/total")},
	"GET /o/{org}/quota":                          {may: everyRole, ask: at(own + "/quota")},
	"GET /o/{org}/projects":                       {may: readers, ask: at(own + "/projects")},
	"GET /o/{org}/members":                        {may: readers, ask: at(own + "/members")},
	"GET /o/{org}/tokens":                         {may: admins, ask: at(own + "/tokens")},
	"GET /o/{org}/audit":                          {may: admins, ask: at(own + "/audit")},
	"GET /o/{org}/settings":                       {may: admins, ask: at(own + "/settings")},
	"POST /o/{org}/settings":                      {may: admins, ask: sent(own+"/settings", "displayName", "Acme", "timeZone", "Europe/Zurich")},
	"POST /o/{org}/projects": {may: admins, ask: func(*testing.T, *site, string) (string, url.Values) {
		return own + "/projects", url.Values{"name": {fresh()}}
	}},
	"POST /o/{org}/projects/{project}/delete": {may: admins, ask: func(t *testing.T, s *site, _ string) (string, url.Values) {
		name := fresh()
		s.as("owner").post(t, own+"/projects", url.Values{"name": {name}}).want(t, 303)
		return own + "/projects/" + name + "/delete", url.Values{}
	}},
	"POST /o/{org}/members": {may: admins, ask: func(t *testing.T, s *site, _ string) (string, url.Values) {
		email := fresh() + "@example.org"
		s.Account(t, email)
		return own + "/members", url.Values{"email": {email}, "role": {"viewer"}}
	}},
	"POST /o/{org}/members/{id}/remove": {may: admins, ask: func(t *testing.T, s *site, _ string) (string, url.Values) {
		return own + "/members/" + s.Member(t, httpapitest.Own, fresh()+"@example.org", api.RoleViewer).String() + "/remove", url.Values{}
	}},
	"POST /o/{org}/invitations": {may: admins, ask: func(*testing.T, *site, string) (string, url.Values) {
		return own + "/invitations", url.Values{"email": {fresh() + "@example.org"}, "role": {"viewer"}}
	}},
	"POST /o/{org}/invitations/{id}/resend": {may: admins, ask: invited("/resend")},
	"POST /o/{org}/invitations/{id}/revoke": {may: admins, ask: invited("/revoke")},
	"POST /o/{org}/tokens":                  {may: admins, answer: 200, ask: sent(own+"/tokens", "name", "ci", "role", "viewer", "days", "30")},
	"POST /o/{org}/tokens/{id}/revoke": {may: admins, ask: func(t *testing.T, s *site, _ string) (string, url.Values) {
		var made api.Token
		s.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/organizations/acme/tokens", Token: s.Token(t, httpapitest.Own, "", api.RoleOwner),
			Body: api.TokenCreate{Name: fresh(), Role: api.RoleViewer, ExpiresInDays: 30}}).Want(t, 201).Decode(t, &made)
		return own + "/tokens/" + made.ID + "/revoke", url.Values{}
	}},

	"GET /o/{org}/instances":      {may: readers, ask: at(own + "/instances?project=shop")},
	"GET /o/{org}/backups":        {may: readers, ask: at(own + "/backups?project=shop")},
	"GET /o/{org}/stream":         {may: readers, ask: at(own + "/stream?project=shop")},
	"GET /o/{org}/instances/bulk": {may: editors, ask: at(bulkPath + "?" + bulkForm("suspend", "db").Encode())},
	"POST /o/{org}/instances/bulk": {may: editors, ask: func(t *testing.T, s *site, _ string) (string, url.Values) {
		return bulkPath, bulkForm("suspend", s.made(t).Name)
	}},
	"GET /o/{org}/order":           {may: everyRole, answer: 303, ask: at(own + "/order")},
	"GET /o/{org}/order/{service}": {may: editors, ask: at(orderPath)},
	"POST /o/{org}/order/{service}": {may: editors, ask: func(t *testing.T, s *site, _ string) (string, url.Values) {
		return orderPath, s.orderForm(t, fresh())
	}},
	"POST /o/{org}/order/{service}/price": {may: editors, answer: 200, ask: func(t *testing.T, s *site, _ string) (string, url.Values) {
		return orderPath + "/price", s.orderForm(t, fresh())
	}},

	"GET " + ofInstance:                                     {may: readers, ask: ready("")},
	"GET " + ofInstance + "/ca.pem":                         {may: readers, ask: ready("/ca.pem")},
	"GET " + ofInstance + "/bindings":                       {may: readers, ask: ready("/bindings")},
	"GET " + ofInstance + "/backups":                        {may: readers, ask: ready("/backups")},
	"POST " + ofInstance + "/backups":                       {may: editors, answer: 422, ask: onInstance("/backups", url.Values{}, nil)}, // none are kept in this zone
	"POST " + ofInstance + "/drills":                        {may: editors, answer: 422, ask: onInstance("/drills", url.Values{}, nil)},  // none are made in this zone
	"GET " + ofInstance + "/drills/{drill}/certificate.jws": {may: readers, answer: 404, ask: ready("/drills/0190c1d2-0000-7000-8000-000000000001/certificate.jws")},
	"GET " + ofInstance + "/drills/{drill}/certificate.pdf": {may: readers, answer: 404, ask: ready("/drills/0190c1d2-0000-7000-8000-000000000001/certificate.pdf")},
	"GET " + ofInstance + "/backups/{backup}/delete":        {may: readers, ask: onBackup},
	"POST " + ofInstance + "/backups/{backup}/delete":       {may: editors, ask: onBackup},
	"POST " + ofInstance + "/backups/plan":                  {may: editors, ask: onInstance("/backups/plan", planTyped, nil)},
	"POST " + ofInstance + "/backups/in-place":              {may: editors, answer: 422, ask: onInstance("/backups/in-place", url.Values{"confirm": {"nothing"}, "time": {"2026-01-02T03:04:05"}}, nil)},
	"POST " + ofInstance + "/backups/restore":               {may: editors, answer: 422, ask: onInstance("/backups/restore", url.Values{"to": {"restored"}, "time": {"2026-01-02T03:04:05"}}, nil)},
	"GET " + ofInstance + "/logs":                           {may: readers, ask: ready("/logs")},
	"GET " + ofInstance + "/logs/stream":                    {may: readers, answer: 503, ask: ready("/logs/stream")}, // no agent is connected
	"GET " + ofInstance + "/metrics":                        {may: readers, ask: ready("/metrics")},
	"GET " + ofInstance + "/metrics/data":                   {may: readers, ask: ready("/metrics/data")},
	"GET " + ofInstance + "/metrics/grafana.json":           {may: readers, ask: ready("/metrics/grafana.json")},
	"GET " + ofInstance + "/availability":                   {may: readers, ask: ready("/availability")},
	"GET " + ofInstance + "/settings":                       {may: readers, ask: ready("/settings")},
	"POST " + ofInstance + "/reveal":                        {may: editors, answer: 200, ask: onInstance("/reveal", url.Values{}, nil)},
	"POST " + ofInstance + "/protect":                       {may: editors, ask: onInstance("/protect", url.Values{}, nil)},
	"POST " + ofInstance + "/unprotect":                     {may: editors, ask: onInstance("/unprotect", url.Values{}, nil)},
	"POST " + ofInstance + "/suspend":                       {may: editors, ask: onInstance("/suspend", url.Values{}, nil)},
	"POST " + ofInstance + "/resume":                        {may: editors, ask: onInstance("/resume", url.Values{}, suspended)},
	"POST " + ofInstance + "/undelete":                      {may: editors, ask: onInstance("/undelete", url.Values{}, deleted)},
	"POST " + ofInstance + "/delete":                        {may: editors, ask: onInstance("/delete", url.Values{"name": {"NAME"}}, nil)},
	"POST " + ofInstance + "/settings":                      {may: editors, answer: 200, ask: changed("/settings")}, // what it would do is shown first
	"POST " + ofInstance + "/bindings":                      {may: editors, ask: onInstance("/bindings", url.Values{"name": {"reporting"}}, nil)},
	"POST " + ofBinding + "/rotate":                         {may: editors, ask: onInstance("/bindings/default/rotate", url.Values{}, nil)},
	"POST " + ofBinding + "/reveal":                         {may: editors, answer: 200, ask: onInstance("/bindings/default/reveal", url.Values{}, nil)},
	"POST " + ofBinding + "/revoke":                         {may: editors, ask: onInstance("/bindings/reporting/revoke", url.Values{"sure": {"on"}}, bound)},
	"POST " + ofInstance + "/settings/preview":              {may: editors, answer: 200, ask: changed("/settings/preview")},

	"GET /operator":               {operator: readers, answer: 303, ask: at("/operator")},
	"GET /operator/instances":     {operator: readers, ask: at("/operator/instances")},
	"GET /operator/instances.csv": {operator: readers, ask: at("/operator/instances.csv")},
	"GET /operator/stuck":         {operator: readers, ask: at("/operator/stuck")},
	"GET /operator/burning":       {operator: readers, ask: at("/operator/burning")},
	"GET /operator/burning/{id}": {operator: readers, ask: func(t *testing.T, s *site, _ string) (string, url.Values) {
		return "/operator/burning/" + s.Burns(t, s.Ready(t, httpapitest.Own, httpapitest.OwnProject)), nil
	}},
	"GET /operator/maintenance":         {operator: editors, ask: at("/operator/maintenance")},
	"GET /operator/maintenance/planned": {operator: readers, ask: at("/operator/maintenance/planned")},
	"POST /operator/maintenance/withdraw": {operator: editors, answer: 200, ask: func(t *testing.T, s *site, _ string) (string, url.Values) {
		return "/operator/maintenance/withdraw", url.Values{"id": {s.restartPlanned(t)}, "reason": {"Not needed any more"}}
	}},

	"GET /operator/billing":                          {operator: readers, ask: at("/operator/billing")},
	"GET /operator/billing/held":                     {operator: readers, ask: at("/operator/billing/held")},
	"GET /operator/billing/failed":                   {operator: readers, ask: at("/operator/billing/failed")},
	"POST /operator/billing/retry":                   {operator: editors, ask: onRun},
	"GET /operator/billing/issuer":                   {operator: readers, ask: at("/operator/billing/issuer")},
	"POST /operator/billing/issuer":                  {operator: editors, ask: sentIssuer},
	"GET /operator/billing/reconciliation":           {operator: readers, ask: at("/operator/billing/reconciliation")},
	"POST /operator/billing/reconciliation":          {operator: editors, ask: sent("/operator/billing/reconciliation")},
	"GET /operator/billing/dunning":                  {operator: readers, ask: onDunning("", nil)},
	"POST /operator/billing/dunning/rules":           {operator: editors, ask: onDunning("/rules", url.Values{"reminderDays": {"10"}, "secondDays": {"20"}, "suspendDays": {"40"}, "noticeDays": {"7"}})},
	"POST /operator/billing/dunning/{name}/hold":     {operator: editors, ask: onDunning("/globex/hold", url.Values{"reason": {"in instalments"}})},
	"POST /operator/billing/dunning/{name}/release":  {operator: editors, ask: onDunning("/globex/release", url.Values{})},
	"GET /operator/billing/write-offs":               {operator: readers, ask: at("/operator/billing/write-offs")},
	"POST /operator/billing/write-offs":              {operator: editors, ask: onWriteOff("")},
	"POST /operator/billing/write-offs/{id}/approve": {operator: editors, ask: onWriteOff("approve")},
	"POST /operator/billing/write-offs/{id}/refuse":  {operator: editors, ask: onWriteOff("refuse")},
	"POST /operator/billing/write-offs/{id}/reverse": {operator: editors, ask: onWriteOff("reverse")},
	"GET /operator/billing/credits":                  {operator: readers, ask: at("/operator/billing/credits?month=2026-01")},
	"POST /operator/billing/credits":                 {operator: editors, ask: onCreditTerms},
	"GET /operator/billing/payments":                 {operator: readers, ask: at("/operator/billing/payments?state=all")},
	"POST /operator/billing/import":                  {operator: editors, answer: 422, ask: sent("/operator/billing/import")},
	"GET /operator/billing/payments/{id}":            {operator: readers, ask: onPayment("", nil)},
	"POST /operator/billing/payments/{id}/assign":    {operator: editors, ask: onPayment("/assign", url.Values{"organization": {"acme"}})},
	"POST /operator/billing/payments/{id}/undo":      {operator: editors, ask: onPayment("/undo", url.Values{"reason": {"a mistake"}})},
	"POST /operator/billing/payments/{id}/refund":    {operator: editors, ask: onPayment("/refund", url.Values{"reason": {"was not for us"}})},
	"GET /operator/billing/agreements":               {operator: readers, ask: at("/operator/billing/agreements")},
	"POST /operator/billing/agreements":              {operator: editors, ask: sentAgreement},
	"POST /operator/billing/agreements/{id}/end":     {operator: editors, ask: endedAgreement},

	"GET /operator/billing/invoices":                  {operator: readers, ask: at("/operator/billing/invoices?state=open")},
	"GET /operator/billing/invoices/{number}":         {operator: readers, ask: onAnyInvoice("", nil)},
	"GET /operator/billing/invoices/{number}/{form}":  {operator: readers, ask: onAnyInvoice("/xml", nil)},
	"GET /operator/billing/invoices/{number}/credit":  {operator: editors, ask: onAnyInvoice("/credit", nil)},
	"POST /operator/billing/invoices/{number}/credit": {operator: editors, ask: onAnyInvoice("/credit", url.Values{"part": {"all"}, "reason": {"a mistake"}, "sure": {"on"}})},

	"POST /operator/maintenance": {operator: editors, answer: 200, ask: func(t *testing.T, s *site, _ string) (string, url.Values) {
		return "/operator/maintenance", url.Values{"instance": {s.Ready(t, httpapitest.Own, httpapitest.OwnProject).ID.String()}, "reason": {"Other hardware"}}
	}},
	"GET /operator/zones":     {operator: readers, ask: at("/operator/zones")},
	"GET /operator/zones/new": {operator: admins, ask: at("/operator/zones/new")},
	"POST /operator/zones": {operator: admins, ask: func(*testing.T, *site, string) (string, url.Values) {
		return "/operator/zones", zoneTyped(fresh())
	}},
	"POST /operator/zones/{name}/revoke": {operator: editors, ask: func(t *testing.T, s *site, _ string) (string, url.Values) {
		zone := fresh()
		s.OfferAlso(t, zone, "best-effort", "1")
		return "/operator/zones/" + zone + "/revoke", url.Values{"sure": {"on"}, "reason": {"its key was lost"}}
	}},
	"GET /operator/maturity": {operator: readers, ask: at("/operator/maturity")},
	"POST /operator/maturity/{service}/waivers": {operator: admins, ask: func(t *testing.T, s *site, _ string) (string, url.Values) {
		s.unwaived(t)
		return "/operator/maturity/" + httpapitest.Service + "/waivers", url.Values{"zone": {httpapitest.Zone}, "check": {"upgrade"}, "reason": {"There is one version of it only."}, "until": {s.Clock.Now().AddDate(0, 0, 30).Format(time.DateOnly)}}
	}},
	"POST /operator/waivers/{waiver}/end": {operator: admins, ask: func(t *testing.T, s *site, _ string) (string, url.Values) {
		s.unwaived(t)
		return "/operator/waivers/" + s.waived(t).ID + "/end", url.Values{}
	}},
	"GET /operator/organizations":        {operator: readers, ask: at("/operator/organizations")},
	"GET /operator/organizations/{name}": {operator: readers, ask: at("/operator/organizations/acme")},
	"GET /operator/instances/{id}": {operator: readers, ask: func(t *testing.T, s *site, _ string) (string, url.Values) {
		return "/operator/instances/" + s.Ready(t, httpapitest.Own, httpapitest.OwnProject).ID.String(), nil
	}},
	"POST /operator/organizations/{name}/quota": {operator: admins, ask: sent("/operator/organizations/acme/quota", "instances", "1000", "cpu", "1000", "memory", "1000000", "storage", "1000000")},
	"POST /operator/organizations/{name}/view":  {operator: admins, ask: sent("/operator/organizations/acme/view", "reason", "a ticket of theirs")},
	"POST /operator/view/stop":                  {signedIn: true, ask: sent("/operator/view/stop")}, // of one's own, or none
}

const (
	ofInstance = "/o/{org}/p/{project}/instances/{name}"
	ofBinding  = ofInstance + "/bindings/{binding}"
)

// onBackup is about the deletion of a backup of an instance, which is protected.
func onBackup(t *testing.T, s *site, _ string) (string, url.Values) {
	i := s.made(t)
	id := s.keepsBackup(t, i)
	return ownInstances + i.Name + "/backups/" + id + "/delete", url.Values{"confirm": {i.Name}}
}

// keepsBackup has a backup of an instance be there, and returns its ID.
func (s *site) keepsBackup(t *testing.T, i *httpapitest.Instance) (id string) {
	t.Helper()
	s.System(t, func(ctx context.Context, tx store.Tx) error {
		if _, err := tx.Exec(ctx, "INSERT INTO backup_sets (instance_id, organization_id, secret, created_at) SELECT id, organization_id, '', created_at FROM instances WHERE id = $1 ON CONFLICT DO NOTHING", i.ID); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `INSERT INTO backups (id, organization_id, instance_id, kind, state, created_at, started_at, finished_at, started_real, finished_real)
			SELECT gen_random_uuid(), organization_id, id, 'scheduled', 'completed', created_at, created_at, created_at, created_at, created_at FROM instances WHERE id = $1 RETURNING id::text`, i.ID).Scan(&id)
	})
	return id
}

// keepsBucket has the organization keep a bucket for backups, and returns its name.
func (s *site) keepsBucket(t *testing.T) string {
	t.Helper()
	i, name := s.made(t), fresh()
	s.Act(t, i, func(ctx context.Context, tx store.Tx, service *instance.Service) (instance.View, error) {
		if _, err := tx.Exec(ctx, "DELETE FROM backup_buckets"); err != nil { // not as many as it may have
			return instance.View{}, err
		}
		if _, err := service.KeepBucket(ctx, tx, i.Place, api.BucketCreate{Name: name, Endpoint: "s3.example.com", Region: "eu-1", Bucket: "backups", AccessKey: "key", SecretKey: "secret"}); err != nil {
			return instance.View{}, err
		}
		return service.ByID(ctx, tx, i.ID)
	})
	return name
}

// planTyped is a plan of backups that takes none.
var planTyped = url.Values{"at": {"03:00"}, "timeZone": {"UTC"}, "last": {"3"}, "daily": {"7"}, "weekly": {"4"}, "monthly": {"0"}}

var freshCount atomic.Int64

// fresh is a name that nothing else has.
func fresh() string { return fmt.Sprint("fresh-", freshCount.Add(1)) }

type asks = func(t *testing.T, s *site, email string) (string, url.Values)

func at(path string) asks {
	return func(*testing.T, *site, string) (string, url.Values) { return path, nil }
}

// sent is a form with these fields and values.
func sent(path string, fields ...string) asks {
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return func(*testing.T, *site, string) (string, url.Values) { return path, form }
}

func mailed(path string) asks {
	return func(*testing.T, *site, string) (string, url.Values) {
		return path, url.Values{"email": {fresh() + "@example.org"}}
	}
}

// sessionID is that of the session with this secret.
func (s *site) sessionID(t *testing.T, secret string) (id string) {
	t.Helper()
	hash := sha256.Sum256([]byte(secret))
	s.System(t, func(ctx context.Context, tx store.Tx) error {
		return tx.QueryRow(ctx, "SELECT id::text FROM sessions WHERE secret_hash = $1", hash[:]).Scan(&id)
	})
	return id
}

// waiting is about a device that asks to be logged in.
func waiting(rest string) asks {
	return func(t *testing.T, s *site, _ string) (string, url.Values) {
		var d api.DeviceCodes
		s.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/device", Body: api.DeviceStart{Client: "a device"}}).Want(t, 200).Decode(t, &d)
		return "/device" + rest, url.Values{"code": {d.UserCode}}
	}
}

// payers look after the organization's money.
const payers = "owner admin billing"

// budgeted is for a request about a budget.
func budgeted(rest string, form url.Values) func(*testing.T, *site, string) (string, url.Values) {
	return func(t *testing.T, s *site, _ string) (string, url.Values) {
		name := fresh()
		s.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/organizations/" + httpapitest.Own + "/budgets", Token: s.Token(t, httpapitest.Own, "", api.RoleOwner), Body: api.BudgetCreate{Name: name, BudgetSpec: api.BudgetSpec{Amount: "10"}}}).Want(t, 201)
		return own + "/budgets/" + name + rest, form
	}
}

// provided is about the organization's provider, which is set up.
func provided(rest string) asks {
	return func(t *testing.T, s *site, _ string) (string, url.Values) {
		form := url.Values{"issuer": {fakeprovider.Start(t, s.Clock.Now).URL}, "clientID": {fakeprovider.ClientID}, "clientSecret": {fakeprovider.ClientSecret}, "enabled": {"on"}, "passwordsAllowed": {"on"}}
		s.as("owner").post(t, own+"/sso", form).want(t, 303)
		return own + "/sso" + rest, form
	}
}

// claimed is about a domain that is not proven yet.
func claimed(rest string) asks {
	return func(t *testing.T, s *site, _ string) (string, url.Values) {
		domain := fresh() + ".example"
		s.as("owner").post(t, own+"/sso/domains", url.Values{"domain": {domain}}).want(t, 303)
		return own + "/sso/domains/" + domain + rest, url.Values{}
	}
}

// onChannel is about an alert channel of its own; the one before is gone.
func onChannel(rest string, form url.Values) asks {
	return func(t *testing.T, s *site, _ string) (string, url.Values) {
		return own + "/alert-channels/" + s.channel(t) + rest, form
	}
}

func (s *site) channel(t *testing.T) string {
	t.Helper()
	var all api.List[api.AlertChannel]
	owner := s.Token(t, httpapitest.Own, "", api.RoleOwner)
	s.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/organizations/acme/alert-channels", Token: owner}).Want(t, 200).Decode(t, &all)
	for _, c := range all.Items {
		s.Do(t, httpapitest.Request{Method: "DELETE", Path: "/api/v1/organizations/acme/alert-channels/" + c.Name, Token: owner}).Want(t, 204)
	}
	name := fresh()
	s.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/organizations/acme/alert-channels", Token: owner,
		Body: api.AlertChannelCreate{Name: name, Kind: "slack", URL: "https://hooks.example.com/x"}}).Want(t, 201)
	return name
}

func caught(rest string) asks {
	return func(t *testing.T, s *site, _ string) (string, url.Values) {
		email := fresh() + "@example.org"
		s.as("").post(t, "/signup", url.Values{"email": {email}, "password": {httpapitest.Password}, "name": {fresh()}}).want(t, 303)
		return "/dev/mail/" + s.Mails(t, email)[0].ID + rest, nil
	}
}

func invited(rest string) asks {
	return func(t *testing.T, s *site, _ string) (string, url.Values) {
		var made api.Invitation
		s.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/organizations/acme/invitations", Token: s.Token(t, httpapitest.Own, "", api.RoleOwner),
			Body: api.InvitationCreate{Email: fresh() + "@example.org", Role: api.RoleViewer}}).Want(t, 201).Decode(t, &made)
		return own + "/invitations/" + made.ID + rest, url.Values{}
	}
}

// ready is about an instance that stays as it is.
func ready(rest string) asks {
	return func(t *testing.T, s *site, _ string) (string, url.Values) {
		return ownInstances + s.Ready(t, httpapitest.Own, httpapitest.OwnProject).Name + rest, nil
	}
}

// onMaintenance is about a change of an instance of its own that was put off.
func onMaintenance(verb string) asks {
	return func(t *testing.T, s *site, _ string) (string, url.Values) {
		i := s.made(t)
		owner := s.Token(t, httpapitest.Own, "", api.RoleOwner)
		path := "/api/v1/organizations/acme/projects/" + httpapitest.OwnProject + "/instances/" + i.Name
		s.Do(t, httpapitest.Request{Method: "PATCH", Path: path + "?inWindow=true", Token: owner, Body: map[string]any{"spec": map[string]any{"allowedNetworks": []string{"192.0.2.0/24"}}}}).Want(t, 200)
		var all api.List[api.Maintenance]
		s.Do(t, httpapitest.Request{Method: "GET", Path: path + "/maintenance", Token: owner}).Want(t, 200).Decode(t, &all)
		return ownInstances + i.Name + "/maintenance/" + all.Items[0].ID + verb, url.Values{}
	}
}

// made is an instance that answers its clients and that nothing else is about.
func (s *site) made(t *testing.T) *httpapitest.Instance {
	i, _ := s.running(t, fresh())
	return i
}

type prepare = func(ctx context.Context, tx store.Tx, service *instance.Service, i *httpapitest.Instance) (instance.View, error)

// onInstance is a form about an instance that was prepared for it. NAME in the
// form is its name.
func onInstance(rest string, form url.Values, before prepare) asks {
	return func(t *testing.T, s *site, _ string) (string, url.Values) {
		i := s.made(t)
		if before != nil {
			s.Act(t, i, func(ctx context.Context, tx store.Tx, service *instance.Service) (instance.View, error) {
				return before(ctx, tx, service, i)
			})
			s.reported(t, i, driver.StateStopped)
		}
		filled := url.Values{}
		for field, values := range form {
			filled.Set(field, strings.ReplaceAll(values[0], "NAME", i.Name))
		}
		return ownInstances + i.Name + rest, filled
	}
}

func suspended(ctx context.Context, tx store.Tx, service *instance.Service, i *httpapitest.Instance) (instance.View, error) {
	return service.Suspend(ctx, tx, i.Place, i.Name, instance.SuspendedByUser)
}

func deleted(ctx context.Context, tx store.Tx, service *instance.Service, i *httpapitest.Instance) (instance.View, error) {
	return service.Delete(ctx, tx, i.Place, i.Name, func(int64) error { return nil })
}

func bound(ctx context.Context, tx store.Tx, service *instance.Service, i *httpapitest.Instance) (instance.View, error) {
	if _, err := service.CreateBinding(ctx, tx, i.Place, i.Name, "reporting"); err != nil {
		return instance.View{}, err
	}
	return service.ByID(ctx, tx, i.ID)
}

// changed is a change of the settings.
func changed(rest string) asks {
	return func(t *testing.T, s *site, _ string) (string, url.Values) {
		path := ownInstances + s.made(t).Name
		form := s.as("viewer").changeForm(t, path)
		form.Set("storage", "20")
		return path + rest, form
	}
}

// asker is one kind of visitor.
type asker struct {
	name         string
	organization string // "": in none
	role         api.Role
	email        string // "": nobody is logged in
}

func (s *site) askers(t *testing.T) []asker {
	all := []asker{{name: "nobody"}, {name: "somebody in no organization", email: "homeless@example.org"}, {name: "another organization's owner", organization: httpapitest.Other, role: api.RoleOwner, email: "stranger@globex.example"}}
	s.person(t, "", "homeless@example.org", "")
	s.people["stranger@globex.example"] = s.people["stranger"]
	for _, role := range []api.Role{api.RoleOwner, api.RoleAdmin, api.RoleEditor, api.RoleViewer, api.RoleBilling} {
		email := string(role) + "@acme.example"
		s.people[email] = s.people[string(role)]
		all = append(all, asker{"the organization's " + string(role), httpapitest.Own, role, email}, asker{"the operator's " + string(role), httpapitest.Operator, role, s.staff(t, role).who})
	}
	return all
}

// want is the answer that a row has for an asker; allowed says that it is the one
// for those who may.
func (r routeRow) want(a asker, method string, withinOrganization bool) (status int, allowed bool) {
	is := func(roles, organization string) bool {
		return a.organization == organization && slices.Contains(strings.Fields(roles), string(a.role))
	}
	switch {
	case r.everyone, r.signedIn && a.email != "", is(r.may, httpapitest.Own), is(r.operator, httpapitest.Operator):
		switch {
		case r.others != 0 && a.email != "":
			return r.others, true
		case r.answer != 0:
			return r.answer, true
		case method == http.MethodPost:
			return http.StatusSeeOther, true
		}
		return http.StatusOK, true
	case a.email == "":
		return http.StatusSeeOther, false
	case withinOrganization && a.organization != httpapitest.Own:
		return http.StatusNotFound, false
	}
	return http.StatusForbidden, false
}

// answer asks and hangs up after the first part of what never ends.
func (s *site) answer(t *testing.T, email, method, path string, form url.Values) page {
	t.Helper()
	if !strings.Contains(path, "/stream") {
		return s.ask(t, email, method, path, form, nil)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if email != "" {
		r.AddCookie(&http.Cookie{Name: "souk", Value: s.people[email]})
	}
	resp, err := s.Client.Transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	start, err := io.ReadAll(io.LimitReader(resp.Body, 4))
	if err != nil {
		t.Fatal(err)
	}
	return page{resp.StatusCode, resp.Header.Get("Location"), string(start), resp.Header}
}

func (s *site) auditLength(t *testing.T) (n int) {
	t.Helper()
	s.System(t, func(ctx context.Context, tx store.Tx) error {
		return tx.QueryRow(ctx, "SELECT count(*) FROM audit_events").Scan(&n)
	})
	return n
}

// again logs somebody in anew, under each of their names.
func (s *site) again(t *testing.T, email string) {
	t.Helper()
	ended, secret := s.people[email], s.Session(t, email)
	for who := range s.people {
		if s.people[who] == ended {
			s.people[who] = secret
		}
	}
}

var requestID = regexp.MustCompile(`<p class="hint">[^<]*</p>`)

// TestRoutes is the table of visitors × routes. A route without a row fails.
func TestRoutes(t *testing.T) {
	s := newSite(t)
	askers := s.askers(t)
	left := map[string]bool{}
	for pattern := range routeRows {
		left[pattern] = true
	}
	for _, route := range s.pages.Routes() {
		row, found := routeRows[route.Pattern]
		if !found {
			t.Errorf("%s has no row: add one to routes_test.go, with who may and a request that then succeeds", route.Pattern)
			continue
		}
		delete(left, route.Pattern)
		if row.everyone != (route.Access == portal.Anybody) {
			t.Errorf("%s is for %s, and its row says otherwise", route.Pattern, route.Access)
		}
		method, pattern, _ := strings.Cut(route.Pattern, " ")
		t.Run(route.Pattern, func(t *testing.T) {
			for _, a := range askers {
				path, form := row.ask(t, s, cmp.Or(a.email, "owner@acme.example"))
				want, allowed := row.want(a, method, strings.HasPrefix(pattern, "/o/{org}"))
				before := s.auditLength(t)
				got := s.answer(t, a.email, method, path, form)
				if pattern == "/logout" && a.email != "" {
					s.again(t, a.email)
				}
				if got.status != want {
					t.Errorf("%s: status %d, want %d: %s", a.name, got.status, want, got.main())
				}
				if allowed {
					continue
				}
				if after := s.auditLength(t); after != before {
					t.Errorf("%s is refused, and the audit log has %d entries more", a.name, after-before)
				}
				switch want {
				case http.StatusSeeOther:
					if !strings.HasPrefix(got.location, "/login?return=") {
						t.Errorf("%s is led to %s", a.name, got.location)
					}
				case http.StatusNotFound: // as if there were no such organization
					nowhere := s.answer(t, a.email, method, strings.Replace(path, own, "/o/nowhere", 1), form)
					if nowhere.status != want || requestID.ReplaceAllString(nowhere.main(), "") != requestID.ReplaceAllString(got.main(), "") {
						t.Errorf("%s can tell it from an organization that there is not: %s", a.name, got.main())
					}
				}
			}
		})
	}
	for pattern := range left {
		t.Errorf("there is a row for %s, which is no route", pattern)
	}
}
