package ui

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// tool is a program that reads feeds.
type tool struct {
	Key, Name string
	Lead      string
}

func tools() []tool {
	return []tool{
		{"excel", "Excel", "A table in a workbook that refreshes with one click."},
		{"power-bi", "Power BI Desktop", "A report on live data."},
		{"power-bi-service", "Power BI service", "A published report that refreshes by itself."},
		{"tableau", "Tableau", "An extract of the tables that you choose."},
		{"postman", "Postman", "Requests to look at, ready to send."},
		{"curl", "curl", "One command, to see whether it works."},
		{"python", "Python", "All rows of a table, in a list or a data frame."},
		{"r", "R", "All rows of a table, in a data frame."},
	}
}

func toolOf(key string) (tool, bool) {
	for _, t := range tools() {
		if t.Key == key {
			return t, true
		}
	}
	return tool{}, false
}

// toolPage is what the words about a tool are made with.
type toolPage struct {
	Tool    tool
	Feed    feed
	Way     way
	User    string
	Set     feedSet
	Drawn   drawn
	Files   toolFiles
	Code    toolCode
	Private bool // the address leads nowhere from the internet
}

// drawn is what the drawings show: texts cut to what fits.
type drawn struct {
	Address, Short, User, Secret string
	Sets                         []string
}

// toolFiles are addresses of downloads.
type toolFiles struct{ PBIDS, Collection, Environment string }

// toolCode is what is to be copied.
type toolCode struct{ M, Curl, CurlQuiet, Python, Pandas, R string }

const (
	drawnAddress = 48
	drawnShort   = 30
	drawnUser    = 24
	drawnFile    = 26
	drawnSets    = 4
)

func (v *visit) toolPage(d *connectPage) toolPage {
	f := &d.Feed
	p := toolPage{Tool: d.Tool, Feed: *f, Way: d.Way, User: d.User, Set: f.First(), Drawn: drawn{Address: cut(f.Address, drawnAddress), Short: cut(f.Address, drawnShort), User: cut(d.User, drawnUser), Secret: d.Way.Short}}
	for i, s := range f.Sets {
		if i < drawnSets {
			p.Drawn.Sets = append(p.Drawn.Sets, cut(s.Name, 16))
		}
	}
	file := func(name string) string { return v.at("connect", f.Name, "files", name) }
	p.Files = toolFiles{PBIDS: file(f.Name + ".pbids"), Collection: file(f.Name + ".postman_collection.json"), Environment: file(f.Name + ".postman_environment.json")}
	if u, err := url.Parse(f.Address); err == nil {
		p.Private = privateHost(u.Hostname())
	}
	p.Code = codeFor(f, d.User)
	return p
}

// privateHost reports whether nobody on the internet can mean this server by a host's name.
func privateHost(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast()
	}
	return !strings.Contains(host, ".") || strings.HasSuffix(host, ".local") || strings.HasSuffix(host, ".internal")
}

// cut shortens a text to what fits.
func cut(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// codeFor writes the examples. The token is never in them: a program reads it from ODATA_TOKEN, curl asks for it.
func codeFor(f *feed, user string) toolCode {
	address := f.Address
	if s := f.First(); s.Name != "" {
		address = s.Address
	}
	q := strconv.QuoteToASCII
	c := toolCode{
		M:    "let\n    Source = OData.Feed(" + mText(f.Address) + ", null, [Implementation=\"2.0\"])\nin\n    Source",
		Curl: "curl -u " + shellText(user) + " " + shellText(address+"?$top=5"),
		CurlQuiet: "read -rs ODATA_TOKEN   # paste the token, then press Enter; nothing is shown\n" +
			`printf 'user = "%s:%s"\n' ` + shellText(user) + ` "$ODATA_TOKEN" |` + "\n  curl -sS --fail-with-body -K - " + shellText(address+"?$top=5"),
		Pandas: "import pandas as pd\n\ndata = pd.DataFrame(rows)\nprint(data.head())",
	}
	c.Python = `import os
import requests

url = ` + q(address) + `
rows = []
with requests.Session() as session:
    session.auth = (` + q(user) + `, os.environ["ODATA_TOKEN"])
    while url:  # an answer holds one page; it names the next one
        answer = session.get(url, timeout=60)
        answer.raise_for_status()
        page = answer.json()
        rows += page["value"]
        url = page.get("@odata.nextLink")

print(len(rows), "rows")`
	c.R = `library(httr2)

url <- ` + q(address) + `
pages <- list()
while (!is.null(url)) { # an answer holds one page; it names the next one
  page <- request(url) |>
    req_auth_basic(` + q(user) + `, Sys.getenv("ODATA_TOKEN")) |>
    req_retry(max_tries = 3) |>
    req_perform() |>
    resp_body_string() |>
    jsonlite::fromJSON()
  pages <- c(pages, list(page$value))
  url <- page[["@odata.nextLink"]]
}
data <- do.call(rbind, pages)
print(nrow(data))`
	return c
}

// shellText is one word of a POSIX shell.
func shellText(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// mText is a text of Power Query's language.
func mText(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
