package ui

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"strings"
	"time"
)

//go:embed css/*.css js/*.js templates/*.html
var files embed.FS

// assets is the stylesheet, the script and the icon, each under a name with a hash of its content, so that
// browsers may keep them for good.
type assets struct {
	css, js, icon string // addresses
	byName        map[string]asset
}

type asset struct {
	kind string
	body []byte
}

func loadAssets(accent accent) (assets, error) {
	css, err := joined("css", ".css")
	if err != nil {
		return assets{}, err
	}
	js, err := joined("js", ".js")
	if err != nil {
		return assets{}, err
	}
	a := assets{byName: map[string]asset{}}
	a.css = a.add("keywright", "css", "text/css; charset=utf-8", append([]byte(accent.css()), css...))
	a.js = a.add("keywright", "js", "text/javascript; charset=utf-8", js)
	a.icon = a.add("icon", "svg", "image/svg+xml", []byte(accent.icon()))
	return a, nil
}

func (a assets) add(name, ext, kind string, body []byte) string {
	sum := sha256.Sum256(body)
	file := name + "." + hex.EncodeToString(sum[:6]) + "." + ext
	a.byName[file] = asset{kind: kind, body: body}
	return "/static/" + file
}

// joined concatenates the files of a directory in the order of their names.
func joined(dir, ext string) ([]byte, error) {
	entries, err := fs.ReadDir(files, dir)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ext) {
			continue
		}
		b, err := fs.ReadFile(files, dir+"/"+e.Name())
		if err != nil {
			return nil, err
		}
		out.Write(b)
	}
	return out.Bytes(), nil
}

// ServeHTTP serves one file.
func (a assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := a.byName[r.PathValue("file")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.body))
}
