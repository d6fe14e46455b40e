package httpapi_test

// metricsRows are those of Prometheus' API, by each of its paths and methods.
var metricsRows = func() map[string]row {
	const span = "start=1700000000&end=1700000060&step=15"
	rows := map[string]row{"instances-metrics-label-values-v1": {may: readers, request: onReady("GET", "/metrics/api/v1/label/state/values")}}
	for name, asked := range map[string][2]string{
		"query": {"query", "query=souk_up"}, "query-range": {"query_range", "query=souk_up&" + span},
		"series": {"series", "match[]=souk_up"}, "labels": {"labels", ""},
	} {
		for id, path := range map[string]string{"": "/metrics/", "-v1": "/metrics/api/v1/"} {
			path += asked[0] + "?" + asked[1]
			rows["instances-metrics-"+name+id] = row{may: readers, request: onReady("GET", path)}
			rows["instances-metrics-"+name+"-post"+id] = row{may: readers, silent: true, request: onReady("POST", path)}
		}
	}
	return rows
}()
