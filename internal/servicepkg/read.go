package servicepkg

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"

	"sigs.k8s.io/yaml"

	"souk/api"
)

// Price is what one item of a service costs, for demonstration; in CHF.
type Price struct {
	Plan   string          `json:"plan,omitempty"` // "": of every plan
	Item   string          `json:"item"`           // "compute", "storage", "backup-storage", or a meter
	Unit   string          `json:"unit"`           // "hour", "GiB-month", "GB"
	Amount string          `json:"amount"`         // "0.02"; "": Tiers says
	Mode   string          `json:"mode"`           // "" is flat; "graduated" or "volume"
	Tiers  []api.PriceTier `json:"tiers"`
}

// Client is the program by which people talk to an instance of the service. In its
// arguments and its URI's query {{HOST}}, {{PORT}}, {{DATABASE}}, {{LOGIN}} and
// {{CA_FILE}} stand for what the instance has. A password is in neither: the
// program takes it from the environment.
type Client struct {
	Program   string   `json:"program"`   // "psql"
	Install   string   `json:"install"`   // how it is installed on Debian
	Arguments []string `json:"arguments"` // before those that the user gives
	// Clears names variables of the caller's that would lead elsewhere.
	Clears []string `json:"clears"`
	// URIQuery is what the connection URI needs in its query to verify the server
	// by a file, where clients read such.
	URIQuery map[string]string `json:"uriQuery"`
}

// Files are those of a package's folder that hold its published data.
type Files struct {
	Definition []byte // package.yaml
	Parameters []byte // parameters.schema.json
	Dashboard  []byte // dashboard.yaml; nil: the service has none
	Alerts     []byte // alerts.yaml; nil: the service has those of every service only
	// Runbooks has the folder runbooks, a page a file.
	Runbooks embed.FS
}

// Read makes a package of its files and of how clients connect. It panics where
// they cannot be read: they are built in, so any test finds that.
func Read(files Files, connection func(e api.Endpoint, login, password string) Connection) Package {
	var file struct {
		Definition
		Client     *Client `json:"client"`
		DemoPrices []Price `json:"demoPrices"`
	}
	if err := yaml.UnmarshalStrict(files.Definition, &file); err != nil {
		panic(fmt.Sprintf("package.yaml: %v", err))
	}
	file.Parameters = json.RawMessage(files.Parameters)
	if files.Dashboard != nil {
		file.Dashboard = new(Dashboard)
		if err := errors.Join(yaml.UnmarshalStrict(files.Dashboard, file.Dashboard), file.Dashboard.Check()); err != nil {
			panic(fmt.Sprintf("dashboard.yaml of %s: %v", file.Name, err))
		}
	}
	var err error
	if file.Alerts, err = ReadAlerts(files.Alerts); err != nil {
		panic(fmt.Sprintf("%s: %v", file.Name, err))
	}
	if file.SLI != nil {
		if err := file.SLI.Check(); err != nil {
			panic(fmt.Sprintf("package.yaml of %s: sli: %v", file.Name, err))
		}
	}
	if err := file.CheckMeters(); err != nil {
		panic(fmt.Sprintf("package.yaml of %s: %v", file.Name, err))
	}
	return Package{Definition: file.Definition, Connection: connection, Runbooks: readRunbooks(files.Runbooks), Client: file.Client, DemoPrices: file.DemoPrices}
}
