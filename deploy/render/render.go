package main

import (
	"path"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/releaseutil"
)

// Render checks the values against the chart's schema and returns its manifests,
// hooks among them.
func Render(folder string, values []byte, name, namespace string) (string, error) {
	chart, err := loader.LoadDir(folder)
	if err != nil {
		return "", err
	}
	given, err := chartutil.ReadValues(values)
	if err != nil {
		return "", err
	}
	release := chartutil.ReleaseOptions{Name: name, Namespace: namespace, Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(chart, given, release, chartutil.DefaultCapabilities)
	if err != nil {
		return "", err
	}
	files, err := engine.Render(chart, all)
	if err != nil {
		return "", err
	}
	for file := range files {
		if path.Base(file) == "NOTES.txt" || strings.HasPrefix(path.Base(file), "_") {
			delete(files, file)
		}
	}
	hooks, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, m := range manifests {
		b.WriteString("---\n" + strings.TrimSpace(m.Content) + "\n")
	}
	for _, h := range hooks {
		b.WriteString("---\n" + strings.TrimSpace(h.Manifest) + "\n")
	}
	return b.String(), nil
}
