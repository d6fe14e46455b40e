// Package portal serves the pages that people see.
package portal

import (
	"context"
	_ "embed"
	"html/template"
	"log/slog"
	"net/http"

	"souk/api"
)

//go:embed home.html
var homeText string

//go:embed style.css
var style []byte

var home = template.Must(template.New("home").Parse(homeText))

// Services returns what is offered now.
type Services func(ctx context.Context) ([]api.Service, error)

// Mount adds the pages to the mux.
func Mount(mux *http.ServeMux, services Services, log *slog.Logger) {
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		offered, err := services(r.Context())
		if err != nil {
			log.ErrorContext(r.Context(), "the home page cannot be made", "error", err)
			http.Error(w, "The catalog cannot be read now. Try again in a moment.", http.StatusServiceUnavailable)
			return
		}
		secure(w)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := home.Execute(w, offered); err != nil {
			log.ErrorContext(r.Context(), "the home page was cut off", "error", err)
		}
	})
	mux.HandleFunc("GET /assets/style.css", func(w http.ResponseWriter, _ *http.Request) {
		secure(w)
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		w.Header().Set("Cache-Control", "max-age=300")
		_, _ = w.Write(style)
	})
}

// secure lets a page have our own style and nothing else.
func secure(w http.ResponseWriter) {
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
}
