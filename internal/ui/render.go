package ui

import (
	"bytes"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/web"
)

func parseTemplates() (*template.Template, error) {
	return template.New("").Funcs(template.FuncMap{
		"icon":  icon,
		"lower": strings.ToLower,
		"upper": upper,
		"dict":  dict,
		"plus":  func(a, b int) int { return a + b },
		"comma": comma,
		"list":  func(n ...int) []int { return n },

		"article": article,
	}).ParseFS(files, "templates/*.html")
}

// dict makes a map of its arguments, so that a template can call another one with several values.
func dict(pairs ...any) map[string]any {
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		if k, ok := pairs[i].(string); ok {
			m[k] = pairs[i+1]
		}
	}
	return m
}

// article puts "a" or "an" before what is called something.
func article(s string) string {
	if strings.ContainsRune("aeiouAEIOU", rune(s[0])) {
		return "an " + s
	}
	return "a " + s
}

// comma writes a number with separators, as English does; the script may write it as the reader does.
func comma(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// page is one page to render: a template with its data, and perhaps a dialog over it.
type page struct {
	title  string
	name   string // of the template
	data   any
	here   string // key of the entry in the navigation
	tab    string
	crumbs []string
	up     string // address of the last but one of them; "" for none
	note   string // what has just been done
	dialog string // template of the dialog
	ask    any    // its data
	status int    // 0 is 200
	narrow bool
}

// frame is what every page shows around its content.
type frame struct {
	Title, Product, Theme string
	CSS, JS, Icon         string
	Demo, Narrow          bool
	Person                *person
	Here                  *place
	Places                []place
	Nav                   []navGroup
	Profile               []navItem
	SettingsPath          string
	Crumbs                []string
	Up                    string // where the crumb UpAt leads; "" for nowhere
	UpAt                  int
	Tabs                  []navItem
	Back                  string // where a change of theme returns to
	Note                  string
	Main, Dialog          template.HTML
}

// show renders a page in the frame.
func (v *visit) show(p page) error {
	f := v.frame(p)
	var err error
	if f.Main, err = v.run(p.name, p.data); err != nil {
		return err
	}
	if p.dialog != "" {
		if f.Dialog, err = v.run(p.dialog, p.ask); err != nil {
			return err
		}
	}
	return v.write("frame", f, p.status)
}

// showPlain renders a page without the frame: sign in and what is like it.
func (v *visit) showPlain(p page) error {
	f := v.frame(page{title: p.title})
	f.Person = nil
	var err error
	if f.Main, err = v.run(p.name, p.data); err != nil {
		return err
	}
	return v.write("plain", f, p.status)
}

func (u *UI) run(name string, data any) (template.HTML, error) {
	var b bytes.Buffer
	if err := u.templates.ExecuteTemplate(&b, name, data); err != nil {
		return "", fault.Wrap(err, "render "+name)
	}
	return template.HTML(b.String()), nil
}

func (v *visit) write(name string, f frame, status int) error {
	body, err := v.run(name, f)
	if err != nil {
		return err
	}
	if status == 0 {
		status = http.StatusOK
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store") // every page is somebody's own
	v.w.WriteHeader(status)
	_, err = v.w.Write([]byte(body))
	return err
}

// refused renders a fault as a page.
func (u *UI) refused(w http.ResponseWriter, r *http.Request, f *fault.Error) {
	v := &visit{UI: u, w: w, r: r, now: u.authority.Now(), asked: url.Values{}, sent: url.Values{}}
	data := map[string]any{
		"Fault": f, "Title": faultTitle(f), "Status": web.StatusOf(f), "RequestID": w.Header().Get("X-Request-Id"), "Home": "/",
		"Internal": f.Kind == fault.Internal || f.Kind == fault.Unavailable,
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter/time.Second)+1))
	}
	p := page{title: faultTitle(f), name: "fault", data: data, status: web.StatusOf(f), narrow: true}
	// With its frame, where it is known whose: then the way on is beside it.
	if v.identify() != nil {
		if v.showPlain(p) != nil {
			http.Error(w, f.Detail, p.status)
		}
		return
	}
	if ws := r.PathValue("ws"); ws != "" && v.enter(ws) == nil {
		data["Home"] = v.at("settings")
	}
	if v.show(p) != nil {
		http.Error(w, f.Detail, p.status)
	}
}

func faultTitle(f *fault.Error) string {
	switch f.Kind {
	case fault.NotFound:
		return "Nothing found"
	case fault.Forbidden:
		return "You can't do this"
	case fault.Conflict:
		return "This can't be done now"
	case fault.Throttled:
		return "Too many attempts"
	case fault.BadRequest, fault.Invalid, fault.TooLarge:
		return "This request can't be read"
	case fault.Unauthenticated:
		return "Sign in first"
	case fault.Unavailable:
		return "Not available right now"
	default:
		return "Something went wrong"
	}
}
