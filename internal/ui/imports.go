package ui

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/legacy"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/web"
)

// importsPage is the workspace's legacy tokens, for administrators: when they stop, who still uses one, and the
// import of others.
type importsPage struct {
	Path, Stop    string
	Stops, When   moment // Stops.Machine is "" when no day is set
	Over          bool
	StopsOn       string // as an <input type=date> has it
	Owners        []legacyOwnerRow
	Lately        bool // only who used one in the last days
	Days          int
	More          bool
	Report        *importReport
	Problems      problems
	Fields        []legacyField
	Max           string
	DateMin       string
	CSV, JSONLine string
}

type legacyOwnerRow struct {
	Name, Email, Tokens, Path string
	LastUsed, Until           moment
}

type legacyField struct{ Name, Means string }

const (
	lateDays       = 7
	mostOwners     = 200
	mostUpload     = 32 << 20
	mostReported   = 500 // lines of each kind
	mostFormField  = 8 << 10
	uploadDeadline = 10 * time.Minute
)

// Addresses to which files are sent. Their forms are read by their own handlers, part by part.
const (
	checkPattern  = "POST /workspaces/{ws}/admin/legacy/check"
	importPattern = "POST /workspaces/{ws}/admin/legacy/import"
)

func uploads(r *http.Request) bool { return r.Pattern == checkPattern || r.Pattern == importPattern }

func legacyFields() []legacyField {
	return []legacyField{
		{"owner", "E-mail address of a member, whose token it becomes. Needed."},
		{"name, description", "What it is called in lists."},
		{"scopes", "Scope names with spaces between them. Left out: whatever its owner's role may hold."},
		{"created_at, expires_at", "Dates such as 2027-03-01. A token stops with all others at the latest."},
		{"sha256, sha512", "Hash of the secret, in hexadecimal or base64."},
		{"hmac_sha256", "HMAC-SHA-256 of the secret, under the key that you give below."},
		{"secret", "The secret in clear, if you allow it. Only its SHA-256 is kept."},
	}
}

// Samples of both forms of a file.
const (
	sampleCSV   = "owner,name,scopes,created_at,expires_at,sha256\nana@example.com,Nightly export,odata:read,2024-02-01,2028-01-31,ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n"
	sampleJSONL = `{"owner":"ana@example.com","name":"Nightly export","scopes":["odata:read"],"created_at":"2024-02-01","expires_at":"2028-01-31","sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}` + "\n"
)

func (v *visit) imports() error {
	if v.query("again") != "" {
		return v.showImports(0, "again", again{Path: v.at("admin", "legacy", "confirm"), Cancel: v.at("admin", "legacy"), Verb: "Import", Email: v.by.User.Email}, nil)
	}
	return v.showImports(0, "", nil, nil)
}

// importsConfirmed takes the password before an import: a form with a file can't be kept meanwhile.
func (v *visit) importsConfirmed() error {
	if err := v.needAdministrator(); err != nil {
		return err
	}
	if ok, err := v.confirmed("Import"); !ok {
		return err
	}
	return v.goTo(v.at("admin", "legacy") + "?done=confirmed")
}

// showImports renders the page; fill puts on it what a form led to.
func (v *visit) showImports(status int, dialog string, ask any, fill func(*importsPage)) error {
	if err := v.needAdministrator(); err != nil {
		return err
	}
	d := importsPage{
		Path: v.at("admin", "legacy"), Stop: v.at("admin", "legacy", "stop"), Lately: v.query("used") != "", Days: lateDays, Fields: legacyFields(),
		Max: "32 MiB", DateMin: v.now.AddDate(0, 0, 1).Format(inputDate), CSV: v.at("admin", "legacy", "sample.csv"), JSONLine: v.at("admin", "legacy", "sample.jsonl"),
	}
	stops, err := v.authority.LegacyStop(v.r.Context(), v.by, v.in.Slug)
	if err != nil {
		return err
	}
	if d.Stops, d.When, d.Over = v.stopDay(stops); !stops.IsZero() {
		d.StopsOn = stops.UTC().Format(inputDate)
	}
	var since time.Time
	if d.Lately {
		since = v.now.AddDate(0, 0, -lateDays)
	}
	owners, err := v.authority.LegacyOwners(v.r.Context(), v.by, v.in.Slug, since, mostOwners+1)
	if err != nil {
		return err
	}
	if d.More = len(owners) > mostOwners; d.More {
		owners = owners[:mostOwners]
	}
	for _, o := range owners {
		d.Owners = append(d.Owners, legacyOwnerRow{
			Name: o.Name, Email: o.Email, Tokens: count(o.Tokens, "token"), LastUsed: v.ago(o.LastUsedAt, "Never"), Until: v.expiry(o.ExpiresAt, false),
			Path: v.at("admin", "tokens") + "?kind=legacy&owner=" + o.ID,
		})
	}
	if fill != nil {
		fill(&d)
	}
	notes := map[string]string{
		"confirmed": "Choose the file now.", "stop-set": "The day is set. It holds for all legacy tokens of this workspace.",
		"revoked": doneNotes()["revoked"], "deleted": doneNotes()["deleted"],
	}
	return v.show(page{
		title: "Legacy tokens", name: "imports", data: d, here: "legacy", crumbs: []string{"Administration", "Legacy tokens"}, note: v.noteOf(notes),
		dialog: dialog, ask: ask, status: status,
	})
}

func (v *visit) sampleCSVFile() error {
	return v.sample("legacy-tokens.csv", "text/csv; charset=utf-8", sampleCSV)
}

func (v *visit) sampleJSONLFile() error {
	return v.sample("legacy-tokens.jsonl", "application/jsonl; charset=utf-8", sampleJSONL)
}

func (v *visit) sample(name, kind, text string) error {
	h := v.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	_, err := io.WriteString(v.w, text)
	return err
}

// stopSent sets the day on which legacy tokens stop. One that has come already stops them at once: that is asked.
func (v *visit) stopSent() error {
	if err := v.needAdministrator(); err != nil {
		return err
	}
	day, err := time.Parse(inputDate, v.form("stops_on"))
	refuse := func(detail string) error {
		return v.showImports(http.StatusUnprocessableEntity, "", nil, func(d *importsPage) {
			d.StopsOn = v.form("stops_on")
			note(&d.Problems, "stops_on", detail)
		})
	}
	if err != nil {
		return refuse("Choose the day on which legacy tokens stop.")
	}
	if !day.After(v.now) && v.form("confirmed") == "" {
		return v.showImports(0, "stop-now", map[string]any{"Path": v.at("admin", "legacy", "stop"), "Cancel": v.at("admin", "legacy"), "StopsOn": v.form("stops_on")}, nil)
	}
	if err := v.authority.SetLegacyStop(v.r.Context(), v.by, v.in.Slug, day); err != nil {
		if f := fault.From(err); correctable(f) {
			return refuse(f.Detail)
		}
		return err
	}
	return v.goTo(v.at("admin", "legacy") + "?done=stop-set")
}

// importReport is what became of a file.
type importReport struct {
	DryRun                   bool
	Imported, Known, Refused int
	Lines                    []reportedLine
	Left                     int // lines that are not in the list
	Stops                    moment
	Problem                  string // why it ended early
	Again                    string // where the password is asked for; "" when that is not the problem
	Path                     string
	kept                     map[authority.Outcome]int
}

type reportedLine struct {
	Line    int
	Refused bool
	Result  string
	Problem string
}

// Total is how many lines were read.
func (r *importReport) Total() int { return r.Imported + r.Known + r.Refused }

func (r *importReport) add(d authority.Imported) {
	if r.kept[d.Outcome]++; r.kept[d.Outcome] > mostReported {
		r.Left++
		return
	}
	l := reportedLine{Line: d.Line, Problem: d.Problem, Refused: d.Outcome == authority.LineRefused}
	switch {
	case l.Refused:
		l.Result = "Refused"
	case d.Outcome == authority.LineKnown:
		l.Result = "Imported before"
	case r.DryRun:
		l.Result = "Would be imported"
	default:
		l.Result = "Imported"
	}
	r.Lines = append(r.Lines, l)
}

func (v *visit) checkSent() error { return v.upload(true) }

func (v *visit) importSent() error { return v.upload(false) }

// upload imports a file as it arrives, and answers with what became of its lines.
func (v *visit) upload(dryRun bool) error {
	if err := v.needAdministrator(); err != nil {
		return err
	}
	if v.r.ContentLength > mostUpload {
		return fault.New(fault.TooLarge, api.CodeTooLarge, "This file is longer than 32 MiB. Split it into several, or use the command keywright import tokens.")
	}
	// A file may take longer than a page. Where the connection can't be told so, its own deadlines hold.
	c := http.NewResponseController(v.w)
	_ = errors.Join(c.SetReadDeadline(time.Now().Add(uploadDeadline)), c.SetWriteDeadline(time.Now().Add(uploadDeadline)))
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, mostUpload)
	report := &importReport{DryRun: dryRun, Path: v.at("admin", "legacy"), kept: map[authority.Outcome]int{}}
	in, err := v.fileOf()
	if err == nil {
		in.DryRun, in.Report = dryRun, report.add
		var sum authority.ImportedSummary
		sum, err = v.authority.ImportTokens(v.r.Context(), v.by, v.in.Slug, in)
		report.Imported, report.Known, report.Refused = sum.Imported, sum.Known, sum.Refused
		if !sum.Stops.IsZero() {
			report.Stops = v.day(sum.Stops)
		}
	}
	status := http.StatusOK
	if err != nil {
		f := fault.From(err)
		if f.Kind == fault.Internal {
			return err
		}
		status, report.Problem = web.StatusOf(f), f.Detail
		if len(f.Fields) > 0 {
			report.Problem = f.Fields[0].Detail
		}
		if f.Code == api.CodeRecentSignInRequired {
			report.Again = v.at("admin", "legacy") + "?again=1"
		}
	}
	if v.r.Header.Get("X-Fragment") != "" {
		body, err := v.run("import-report", report)
		if err != nil {
			return err
		}
		return v.fragment(string(body))
	}
	return v.showImports(status, "", nil, func(d *importsPage) { d.Report = report })
}

// fileOf reads the form up to its file, which comes last.
func (v *visit) fileOf() (in authority.Import, err error) {
	bad := func(name, detail string) (authority.Import, error) {
		return in, fault.New(fault.Invalid, api.CodeInvalid, detail).On(name)
	}
	parts, err := v.r.MultipartReader()
	if err != nil {
		return bad("file", "Choose a file.")
	}
	for {
		p, err := parts.NextPart()
		if err != nil {
			return bad("file", "Choose a file.")
		}
		if p.FormName() == "file" {
			if p.FileName() == "" {
				return bad("file", "Choose a file.")
			}
			in.Lines = legacy.Read(bounded{p})
			break
		}
		b, err := io.ReadAll(io.LimitReader(p, mostFormField+1))
		if err != nil || len(b) > mostFormField || web.CheckText(string(b)) != nil {
			return bad("file", "The form can't be read. Reload the page and try again.")
		}
		v.sent.Set(p.FormName(), string(b))
	}
	in.AllowRaw = v.form("raw") != ""
	if s := v.form("stops_on"); s != "" {
		if in.Stops, err = time.Parse(inputDate, s); err != nil {
			return bad("stops_on", "Choose the day on which legacy tokens stop.")
		}
	}
	key, err := keyOf(v.sent.Get("hmac_key"), v.form("hmac_form"))
	if err != nil {
		return bad("hmac_key", "The key is not in the form that you chose.")
	}
	in.HMACKey = token.SecretOf(string(key))
	return in, nil
}

// keyOf reads a key that was typed as it is, in hexadecimal or in base64.
func keyOf(text, form string) ([]byte, error) {
	switch form {
	case "hex":
		return hex.DecodeString(strings.TrimSpace(text))
	case "base64":
		return base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	}
	return []byte(text), nil
}

// bounded says in our words that a file is too long.
type bounded struct{ *multipart.Part }

func (b bounded) Read(p []byte) (int, error) {
	n, err := b.Part.Read(p)
	if _, long := errors.AsType[*http.MaxBytesError](err); long {
		err = errors.New("it is longer than 32 MiB; split it into several")
	}
	return n, err
}
