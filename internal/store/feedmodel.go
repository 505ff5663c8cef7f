package store

import (
	"github.com/keywright/keywright/odata/edm"
	"github.com/keywright/keywright/odata/sqldata"
)

// feedModel is what is published, and where each property is kept. There is no column in it that helps to make a
// credential, to guess one, or to sign in.
type feedModel struct {
	model                                              *edm.Model
	tokens, apps, oauthTokens, members, events, usages *edm.EntitySet
	columns                                            map[*edm.EntitySet]map[*edm.Property]sqldata.Column
}

// published is one property of a set.
type published struct {
	name   string
	column string
	kind   edm.Kind
	null   bool
	title  string
}

func newFeedModel() *feedModel {
	m := &feedModel{columns: map[*edm.EntitySet]map[*edm.Property]sqldata.Column{}}
	m.credentials()
	m.people()
	m.history()
	m.relate()
	m.model = &edm.Model{
		Namespace: "Keywright", Container: "Feed",
		Sets: []*edm.EntitySet{m.tokens, m.apps, m.oauthTokens, m.members, m.events, m.usages},
	}
	return m
}

func (m *feedModel) credentials() {
	used := []published{
		{"LastUsedAt", "last_used_at", edm.DateTimeOffset, true, "Last used at"},
		{"LastUsedIP", "last_used_ip", edm.String, true, "Last used from"},
	}
	m.tokens = m.set("Tokens", "Token", "Personal access tokens, and tokens of an older system", append([]published{
		{"ID", "id", edm.String, false, ""},
		{"Name", "name", edm.String, false, ""},
		{"Description", "description", edm.String, false, ""},
		{"Kind", "kind", edm.String, false, "pat, or legacy"},
		{"Status", "status", edm.String, false, "active, expired or revoked"},
		{"Scopes", "scopes", edm.String, false, "Names, separated by spaces"},
		{"AllScopes", "all_scopes", edm.Boolean, false, "Carries what its owner's role may hold"},
		{"CreatedAt", "created_at", edm.DateTimeOffset, false, "Created at"},
		{"ExpiresAt", "expires_at", edm.DateTimeOffset, true, "Expires at; never when empty"},
		{"RevokedAt", "revoked_at", edm.DateTimeOffset, true, "Revoked at"},
		{"OwnerID", "owner_id", edm.String, false, ""},
	}, used...))
	m.apps = m.set("Apps", "App", "Programs that act for themselves", append([]published{
		{"ID", "id", edm.String, false, "Client id"},
		{"Name", "name", edm.String, false, ""},
		{"Description", "description", edm.String, false, ""},
		{"Status", "status", edm.String, false, "active or disabled"},
		{"Scopes", "scopes", edm.String, false, "Names, separated by spaces"},
		{"CreatedAt", "created_at", edm.DateTimeOffset, false, "Created at"},
		{"DisabledAt", "disabled_at", edm.DateTimeOffset, true, "Disabled at"},
		{"CreatedByID", "created_by", edm.String, false, ""},
	}, used...))
	m.oauthTokens = m.set("OAuthTokens", "OAuthToken", "Pairs of an access and a refresh token that people generated", append([]published{
		{"ID", "id", edm.String, false, ""},
		{"Name", "name", edm.String, false, ""},
		{"Status", "status", edm.String, false, "active, expired or disabled"},
		{"CreatedAt", "created_at", edm.DateTimeOffset, false, "Created at"},
		{"ExpiresAt", "expires_at", edm.DateTimeOffset, false, "Expires at"},
		{"DisabledAt", "disabled_at", edm.DateTimeOffset, true, "Disabled at"},
		{"LastRefreshedAt", "last_refreshed_at", edm.DateTimeOffset, true, "Last refreshed at"},
		{"OwnerID", "owner_id", edm.String, false, ""},
	}, used...))
}

func (m *feedModel) people() {
	m.members = m.set("Members", "Member", "People of the workspace", []published{
		{"ID", "id", edm.String, false, ""},
		{"Name", "name", edm.String, false, ""},
		{"Email", "email", edm.String, false, ""},
		{"Role", "role", edm.String, false, "administrator, developer or member"},
		{"JoinedAt", "joined_at", edm.DateTimeOffset, false, "Joined at"},
	})
}

func (m *feedModel) history() {
	m.events = m.set("AuditEvents", "AuditEvent", "What happened", []published{
		{"ID", "id", edm.String, false, ""},
		{"At", "at", edm.DateTimeOffset, false, "When"},
		{"Action", "action", edm.String, false, "What, such as token.created"},
		{"ActorID", "actor_id", edm.String, false, ""},
		{"ActorName", "actor_name", edm.String, false, "Who, by the name of that time"},
		{"Via", "via", edm.String, false, "session, command line, server, or the id of the token that was used"},
		{"TargetKind", "target_kind", edm.String, false, ""},
		{"TargetID", "target_id", edm.String, false, ""},
		{"TargetName", "target_name", edm.String, false, "To what, by the name of that time"},
		{"OwnerID", "owner_id", edm.String, false, "Whose it was"},
		{"Address", "address", edm.String, true, "From which address"},
		{"UserAgent", "user_agent", edm.String, false, ""},
		{"RequestID", "request_id", edm.String, false, ""},
	})
	m.usages = m.set("DailyUsage", "UsageOfDay", "Requests of each credential, day by day (UTC)", []published{
		{"Day", "day", edm.Date, false, ""},
		{"CredentialID", "token_id", edm.String, false, "Of a token, an OAuth token or an app"},
		{"Kind", "kind", edm.String, false, "token, oauth_token or app"},
		{"OwnerID", "owner_id", edm.String, false, "Whose it was; of an app, its own id"},
		{"Requests", "requests", edm.Int64, false, ""},
		{"Refusals", "refusals", edm.Int64, false, ""},
	})
	// The day first: in this order the rows of a workspace have an index.
	m.usages.Key = m.usages.Properties[:2:2]
}

// set makes a set whose first property is its key.
func (m *feedModel) set(name, typeName, title string, columns []published) *edm.EntitySet {
	s := &edm.EntitySet{Name: name, TypeName: typeName, Title: title}
	at := map[*edm.Property]sqldata.Column{}
	for _, c := range columns {
		p := &edm.Property{Name: c.name, Type: edm.Type{Kind: c.kind}, Nullable: c.null, Title: c.title}
		kept := sqldata.Plain
		switch c.kind {
		case edm.DateTimeOffset:
			kept, p.Type.Precision = sqldata.Micros, 6
		case edm.Date:
			kept = sqldata.DayNumber
		case edm.String:
			switch c.name {
			case "Name", "Description", "Email", "ActorName", "TargetName":
				s.Searchable = append(s.Searchable, p)
			}
		default:
		}
		s.Properties = append(s.Properties, p)
		at[p] = sqldata.Column{Name: c.column, Kept: kept}
	}
	s.Key = s.Properties[:1:1]
	m.columns[s] = at
	return s
}

// relate makes the ways between sets. A row that one may not see is not there: a way to it leads to nothing.
func (m *feedModel) relate() {
	for _, s := range []*edm.EntitySet{m.tokens, m.oauthTokens, m.apps} {
		owner, way := "OwnerID", "Owner"
		if s == m.apps {
			owner, way = "CreatedByID", "CreatedBy"
		}
		link(s, way, owner, m.members, s.Name)
		link(m.usages, s.TypeName, "CredentialID", s, "Usage")
		link(m.events, s.TypeName, "TargetID", s, "Events")
	}
	link(m.usages, "Owner", "OwnerID", m.members, "Usage")
	link(m.events, "Actor", "ActorID", m.members, "Events")
}

// link leads from a row to at most one of another set, whose key is ID, and back to all that lead there.
func link(from *edm.EntitySet, way, by string, to *edm.EntitySet, back string) {
	const key = "ID"
	there := &edm.Navigation{Name: way, Target: to, Nullable: true, On: []edm.Link{{From: from.Property(by), To: to.Property(key)}}}
	home := &edm.Navigation{Name: back, Target: from, Many: true, On: []edm.Link{{From: to.Property(key), To: from.Property(by)}}}
	there.Partner, home.Partner = home, there
	from.Navigation = append(from.Navigation, there)
	to.Navigation = append(to.Navigation, home)
}

// tables are where the rows are that an audience sees.
func (m *feedModel) tables(of audience) []sqldata.Table {
	from := map[*edm.EntitySet]string{
		m.tokens: `select id, name, description, case scheme when '' then 'pat' else 'legacy' end as kind,
			case when revoked_at is not null then 'revoked' when expires_at <= $now then 'expired' else 'active' end as status,
			trim(scopes) as scopes, all_scopes, created_at, expires_at, revoked_at, owner_id, last_used_at, last_used_ip from tokens where workspace_id = $workspace and id <> ''` + of.credentials, // so as tokens_for_feed has it
		m.apps: `select id, name, description, case when disabled_at is null then 'active' else 'disabled' end as status,
			trim(scopes) as scopes, created_at, disabled_at, created_by, last_used_at, last_used_ip from apps where workspace_id = $workspace` + of.apps,
		m.oauthTokens: `select id, name, case when disabled_at is not null then 'disabled' when expires_at <= $now then 'expired' else 'active' end as status,
			created_at, expires_at, disabled_at, last_refreshed_at, owner_id, last_used_at, last_used_ip from oauth_tokens where workspace_id = $workspace` + of.credentials,
		m.members: `select u.id, u.name, u.email, m.role, m.created_at as joined_at from members m join users u on u.id = m.user_id
			where m.workspace_id = $workspace` + of.members,
		m.events: `select id, at, action, actor_id, actor_name, via, target_kind, target_id, target_name, owner_id, address, user_agent, request_id
			from audit_events where workspace_id = $workspace` + of.events,
		m.usages: `select day, token_id, case substr(token_id, 1, 4) when 'app_' then 'app' when 'oat_' then 'oauth_token' else 'token' end as kind,
			owner_id, requests, refusals from usage_days where workspace_id = $workspace` + of.usage,
	}
	tables := make([]sqldata.Table, 0, len(from))
	for _, s := range m.model.Sets {
		tables = append(tables, sqldata.Table{Set: s, From: "(" + from[s] + ")", Columns: m.columns[s]})
	}
	return tables
}
