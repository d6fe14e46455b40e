package portal

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed assets
var assetFiles embed.FS

// assets by name, and asset URLs by name: with a hash of the content, so that
// browsers keep them for good and never mix versions.
var assets, assetURLs = readAssets()

type asset struct {
	content []byte
	packed  []byte // by gzip
	kind    string
}

func readAssets() (map[string]asset, map[string]string) {
	all, urls := map[string]asset{}, map[string]string{}
	entries, err := fs.ReadDir(assetFiles, "assets")
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		content, err := assetFiles.ReadFile("assets/" + e.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(content)
		kind := mime.TypeByExtension(path.Ext(e.Name()))
		switch path.Ext(e.Name()) { // not left to the machine's own table
		case ".js":
			kind = "text/javascript; charset=utf-8"
		case ".css":
			kind = "text/css; charset=utf-8"
		case ".svg":
			kind = "image/svg+xml"
		}
		all[e.Name()] = asset{content, packed(content), kind}
		urls[e.Name()] = "/assets/" + base64.RawURLEncoding.EncodeToString(sum[:9]) + "/" + e.Name()
	}
	return all, urls
}

func packed(content []byte) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(content)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		panic(err) // into memory: found by any test
	}
	return out.Bytes()
}

// assetURL is where a page finds an asset.
func assetURL(name string) string { return assetURLs[name] }

func serveAsset(w http.ResponseWriter, r *http.Request) {
	name := path.Base(r.URL.Path)
	a, ok := assets[name]
	if !ok || !strings.HasPrefix(r.URL.Path, "/assets/") {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", a.kind)
	if r.URL.Path == assetURLs[name] {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	w.Header().Set("Vary", "Accept-Encoding")
	content := a.content
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && r.Header.Get("Range") == "" {
		w.Header().Set("Content-Encoding", "gzip")
		content = a.packed
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
}
