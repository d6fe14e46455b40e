package cli

import (
	"context"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"souk/api"
)

func newVersion(a *App) *cobra.Command {
	var server bool
	cmd := &cobra.Command{Use: "version", Short: "Show the version", Args: cobra.NoArgs}
	cmd.Flags().BoolVar(&server, "server", false, "ask the server for its version, too")
	o := outputFlag(cmd, "table", "json", "yaml")
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error {
		var all struct {
			Client api.Version  `json:"client"`
			Server *api.Version `json:"server,omitempty"`
		}
		all.Client = api.Version{Version: a.Version, Go: runtime.Version()}
		text := fmt.Sprintf("souk %s (%s)\n", all.Client.Version, all.Client.Go)
		if server {
			c, selected, err := a.connect()
			if err != nil {
				return err
			}
			v, err := c.Version(ctx)
			if err != nil {
				return err
			}
			all.Server = &v
			text += fmt.Sprintf("server %s (%s) at %s\n", v.Version, v.Go, selected.Server)
		}
		return a.show(o, view{value: all, text: text})
	})
	return cmd
}
