package supervisor

// The operations of a request: those of API.
const (
	opInfo      = "info"
	opPrepare   = "prepare"
	opFind      = "find"
	opSpawn     = "spawn"
	opSetLimits = "set-limits"
	opDestroy   = "destroy"
	opUsage     = "usage"
	opList      = "list"
)

type request struct {
	Op     string `json:"op"`
	ID     string `json:"id,omitempty"`
	Limits Limits `json:"limits,omitzero"`
}

type response struct {
	Error    string   `json:"error,omitempty"`
	NotFound bool     `json:"notFound,omitempty"`
	Info     Info     `json:"info,omitzero"`
	Place    Place    `json:"place,omitzero"`
	Problem  string   `json:"problem,omitempty"` // why limits are not in force
	IDs      []string `json:"ids,omitempty"`
	Usage    Usage    `json:"usage,omitzero"`
}
