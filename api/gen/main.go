// Command gen prints the OpenAPI document of Souk's HTTP API, as api/openapi.json
// holds it and the server serves it.
package main

import (
	"os"

	"souk/internal/httpapi"
)

func main() {
	if _, err := os.Stdout.Write(httpapi.New(httpapi.Config{}).Document()); err != nil {
		os.Exit(1)
	}
}
