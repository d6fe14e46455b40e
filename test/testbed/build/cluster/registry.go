package main

import (
	"github.com/distribution/distribution/v3/registry"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
)

// runRegistry is a container registry: registry serve CONFIG.
func runRegistry() { check(registry.RootCmd.Execute()) }
