package httpapi_test

var reconciliationRows = map[string]row{
	"operator-reconciliations": {operator: readers, request: get("/api/v1/operator/reconciliations")},
	"operator-reconcile":       {operator: editors, request: request("POST", "/api/v1/operator/reconciliations")},
}
