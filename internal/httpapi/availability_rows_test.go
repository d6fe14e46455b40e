package httpapi_test

var availabilityRows = map[string]row{
	"instances-availability": {may: readers, request: onReady("GET", "/availability")},
	"sla-report-get":         {may: everyRole, request: in("GET", "/sla-report")},
	"sla-reports-list":       {may: everyRole, request: in("GET", "/sla-reports")},
	"sla-report-pdf":         {may: everyRole, request: in("GET", "/sla-report.pdf?period=2026-01")},
	"sla-report-signed":      {may: everyRole, request: in("GET", "/sla-report.jws")},
}
