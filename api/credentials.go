package api

import "time"

// App is an OAuth client that acts for itself. It belongs to its workspace, and lives on when its maker
// leaves. Its client secret is never in it.
type App struct {
	ClientID    string     `json:"client_id" example:"app_06exqk2f8m1p3r5t7w9y0b2d4g"`
	Name        string     `json:"name" example:"Invoice service"`
	Description *string    `json:"description" doc:"null: none" example:"Posts invoices at night"`
	Scopes      []string   `json:"scopes" doc:"What it carries now: what it was given, as far as apps may still hold it" example:"odata:read"`
	Status      string     `json:"status" enum:"active,disabled"`
	CreatedAt   time.Time  `json:"created_at"`
	CreatedBy   Person     `json:"created_by" doc:"Who made it"`
	LastUsedAt  *time.Time `json:"last_used_at" doc:"By a secret or an access token of its; null: never"`
	LastUsedIP  *string    `json:"last_used_ip" example:"203.0.113.7"`
	Keys        *KeySet    `json:"keys" doc:"Public keys with which it can authenticate by private_key_jwt (RFC 7523); null: none"`
}

// KeySet is a set of public keys in the form of RFC 7517 section 5.
type KeySet struct {
	Keys []map[string]any `json:"keys" nullable:"false" doc:"JSON Web Keys, public halves alone; an empty list is no keys" example:"[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"2027-03\",\"x\":\"vJLXcZdDQndFmm8bwydfHMTqhgvh6OncnRTLWdPRo2c\",\"y\":\"yA3W__ELiee2sgJ2dTbGaNGjNAiJNuGP2R_n2AetoP0\"}]"`
}

// ClientSecret is what is known of one of an app's client secrets, of which at most two are live.
type ClientSecret struct {
	ID         string     `json:"id" example:"cs_06exqk2f8m1p3r5t7w9y0b2d4g"`
	Hint       string     `json:"hint" doc:"Its last four characters" example:"3xK9"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at" doc:"The end of its overlap with a newer one; null: until it is replaced"`
	LastUsedAt *time.Time `json:"last_used_at" doc:"null: never"`
	LastUsedIP *string    `json:"last_used_ip" example:"203.0.113.7"`
}

// AppDetails is an app with its live client secrets.
type AppDetails struct {
	App
	Secrets []ClientSecret `json:"secrets" doc:"The live ones, newest first"`
}

// AppSecret is an app with a client secret that was made just now.
type AppSecret struct {
	App          App    `json:"app"`
	ClientSecret string `json:"client_secret" doc:"Where the policy lets it be seen once, this is the once" example:"kw_sec_0000000000000000000000000000001Qo1nH"`
}

// ShownSecret is a client secret that is shown again.
type ShownSecret struct {
	ClientSecret string `json:"client_secret" example:"kw_sec_0000000000000000000000000000001Qo1nH"`
}

// NewApp asks for an app.
type NewApp struct {
	Name        string    `json:"name" example:"Invoice service"`
	Description *string   `json:"description,omitempty" nullable:"true" example:"Posts invoices at night"`
	Scopes      *[]string `json:"scopes,omitempty" nullable:"true" doc:"When left out: none; where the policy lets nobody change them later, all that apps may hold and the caller may give" example:"odata:read"`
	Keys        *KeySet   `json:"keys,omitempty" doc:"Public keys for private_key_jwt; none when left out"`
}

// AppChange changes of an app what is sent.
type AppChange struct {
	Name        *string   `json:"name,omitempty" nullable:"true" example:"Invoice service"`
	Description *string   `json:"description,omitempty" nullable:"true" doc:"Empty: none" example:"Posts invoices at night"`
	Scopes      *[]string `json:"scopes,omitempty" nullable:"true" example:"odata:read"`
	Keys        *KeySet   `json:"keys,omitempty" doc:"Replace all of its keys; an empty list of keys removes them"`
}

// SecretRotation says what becomes of the old client secret.
type SecretRotation struct {
	OverlapSeconds *int `json:"overlap_seconds,omitempty" nullable:"true" enum:"0,3600,86400,604800" doc:"How long the old client secret goes on working; when left out it ends at once" example:"3600"`
}

// OAuthToken is an access and refresh token pair that a person generated. Neither is ever in it.
type OAuthToken struct {
	ID              string     `json:"id" example:"oat_06exqk2f8m1p3r5t7w9y0b2d4g"`
	Name            string     `json:"name" example:"Notebook"`
	Scopes          []string   `json:"scopes" doc:"What its owner's role may hold now" example:"odata:read"`
	Status          string     `json:"status" enum:"active,expired,disabled"`
	CreatedAt       time.Time  `json:"created_at"`
	CreatedBy       Person     `json:"created_by" doc:"Its owner: whom it acts for"`
	ExpiresAt       time.Time  `json:"expires_at" doc:"When its refresh token ends, however often it is replaced"`
	LastRefreshedAt *time.Time `json:"last_refreshed_at" doc:"null: never"`
	LastUsedAt      *time.Time `json:"last_used_at" doc:"By an access token of its; null: never"`
	LastUsedIP      *string    `json:"last_used_ip" example:"203.0.113.7"`
	DisabledAt      *time.Time `json:"disabled_at" doc:"null: not disabled"`
	ReusedAt        *time.Time `json:"reused_at" doc:"When a refresh token that had been replaced was presented again, which ended it; null: never"`
}

// OAuthSecrets is an OAuth token with its two secrets, the one time that they are shown.
type OAuthSecrets struct {
	OAuthToken   OAuthToken `json:"oauth_token"`
	AccessToken  string     `json:"access_token" doc:"Shown this once. A JWT (RFC 9068)" example:"eyJ0eXAiOiJhdCtqd3Qi…"`
	RefreshToken string     `json:"refresh_token" doc:"Shown this once. Gets the next access token from /oauth2/token" example:"kw_rt_00000000000000000000000000000011F5vp"`
	TokenType    string     `json:"token_type" enum:"Bearer"`
	ExpiresIn    int        `json:"expires_in" doc:"How many seconds the access token lasts" example:"3600"`
}

// NewOAuthToken asks for an OAuth token.
type NewOAuthToken struct {
	Name         string `json:"name" example:"Notebook"`
	LifetimeDays *int   `json:"lifetime_days,omitempty" nullable:"true" doc:"How many days the refresh token is to last; left out where the policy sets it" example:"90"`
}

// OAuthBatch is one act on several OAuth tokens.
type OAuthBatch struct {
	Action string   `json:"action" enum:"disable,delete" example:"disable"`
	IDs    []string `json:"ids" nullable:"false" doc:"1 to 200 OAuth tokens" example:"oat_06exqk2f8m1p3r5t7w9y0b2d4g"`
	Reason *string  `json:"reason,omitempty" nullable:"true" doc:"For the audit log" example:"Laptop lost"`
}

// Credential is a row of the inventory: a credential of any kind.
type Credential struct {
	Kind       string     `json:"kind" enum:"pat,legacy,oauth_token,app" doc:"pat: personal access token; legacy: one that was imported"`
	ID         string     `json:"id" example:"tok_06exqk2f8m1p3r5t7w9y0b2d4g"`
	Name       *string    `json:"name" doc:"null: none" example:"Power BI"`
	Owner      Person     `json:"owner" doc:"Whom it acts for; of an app, who made it"`
	AllScopes  bool       `json:"all_scopes" doc:"Whether it carries whatever its owner's role may hold; then scopes is empty" example:"false"`
	Scopes     []string   `json:"scopes" example:"odata:read"`
	Status     string     `json:"status" enum:"active,expired,revoked,disabled"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at" doc:"null: never"`
	EndedAt    *time.Time `json:"ended_at" doc:"When it was revoked or disabled; null: it was not"`
	LastUsedAt *time.Time `json:"last_used_at" doc:"null: never"`
	LastUsedIP *string    `json:"last_used_ip" example:"203.0.113.7"`
}

// CredentialBatch stops several credentials of any kind.
type CredentialBatch struct {
	Action string   `json:"action" enum:"revoke,delete" doc:"revoke: OAuth tokens and apps are disabled" example:"revoke"`
	IDs    []string `json:"ids" nullable:"false" doc:"1 to 200 tokens, OAuth tokens and apps" example:"tok_06exqk2f8m1p3r5t7w9y0b2d4g"`
	Reason *string  `json:"reason,omitempty" nullable:"true" doc:"For the audit log" example:"Laptop lost"`
}

// SigningKey is a key with which the workspace signs access tokens. Its public half is in the workspace's
// JWKS; its private half is in no answer.
type SigningKey struct {
	ID             string     `json:"id" doc:"kid in the header of what it signs" example:"key_06exqk2f8m1p3r5t7w9y0b2d4g"`
	Algorithm      string     `json:"algorithm" enum:"ES256,RS256,EdDSA"`
	State          string     `json:"state" enum:"next,signing,published" doc:"next: published, and signs from signs_from on; signing; published: signs no more, and what it signed may still be alive"`
	CreatedAt      time.Time  `json:"created_at"`
	SignsFrom      time.Time  `json:"signs_from"`
	PublishedUntil *time.Time `json:"published_until" doc:"null: no later key replaces it yet"`
}

// KeyRotation says how signing keys are replaced.
type KeyRotation struct {
	AtOnce *bool `json:"at_once,omitempty" nullable:"true" doc:"true: the new key signs now and the old ones are removed, which ends every access token: for a key that somebody may have copied" example:"false"`
}

// LegacyStop is when a workspace's legacy tokens stop.
type LegacyStop struct {
	StopsAt *time.Time `json:"stops_at" doc:"null: none is set, and nothing was imported"`
}

// SetLegacyStop sets that time.
type SetLegacyStop struct {
	StopsAt time.Time `json:"stops_at" example:"2030-06-30T00:00:00Z" doc:"At most 10 years ahead; one that has passed stops them at once"`
}

// LegacyLine is a token that was issued elsewhere: its owner, and exactly one of its hash and its secret.
type LegacyLine struct {
	Owner       string   `json:"owner" doc:"Email address of a member, whose token it becomes" example:"dev@example.com"`
	Name        string   `json:"name,omitempty" example:"Nightly export"`
	Description string   `json:"description,omitempty"`
	Scopes      []string `json:"scopes,omitempty" nullable:"false" minItems:"1" doc:"Left out: what its owner's role may hold" example:"odata:read"`
	CreatedAt   string   `json:"created_at,omitempty" doc:"A date or a time" example:"2024-02-01"`
	ExpiresAt   string   `json:"expires_at,omitempty" doc:"A date or a time; left out: never. It stops with the others at the latest"`
	SHA256      string   `json:"sha256,omitempty" doc:"SHA-256 of the secret, in hexadecimal or base64" example:"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"`
	SHA512      string   `json:"sha512,omitempty" doc:"SHA-512 of the secret, likewise"`
	HMACSHA256  string   `json:"hmac_sha256,omitempty" doc:"HMAC-SHA-256 of the secret under hmac_key, likewise"`
	Secret      string   `json:"secret,omitempty" doc:"The secret in clear, with allow_raw_secrets; only its SHA-256 is kept"`
}

// LegacyImport imports tokens that were issued elsewhere.
type LegacyImport struct {
	Lines           []LegacyLine `json:"lines" nullable:"false" minItems:"1" maxItems:"1000"`
	DryRun          *bool        `json:"dry_run,omitempty" nullable:"true" doc:"true: say what would become of each line, and change nothing" example:"true"`
	StopsAt         *time.Time   `json:"stops_at,omitempty" nullable:"true" example:"2030-06-30T00:00:00Z" doc:"When all legacy tokens stop; left out: as was set before"`
	HMACKey         *string      `json:"hmac_key,omitempty" nullable:"true" doc:"The key of hmac_sha256, in base64"`
	AllowRawSecrets *bool        `json:"allow_raw_secrets,omitempty" nullable:"true" example:"false"`
}

// LegacyImportResult is what became of the lines.
type LegacyImportResult struct {
	Imported int                `json:"imported" doc:"In a dry run: how many would be" example:"1"`
	Known    int                `json:"known" doc:"How many were imported before" example:"0"`
	Refused  int                `json:"refused" example:"0"`
	StopsAt  time.Time          `json:"stops_at" doc:"When they stop"`
	Lines    []LegacyLineResult `json:"lines" doc:"One for each, in order"`
}

// LegacyLineResult is what became of one line.
type LegacyLineResult struct {
	Line    int     `json:"line" doc:"Its place among those that were sent, from 1" example:"1"`
	Outcome string  `json:"outcome" enum:"imported,known,refused"`
	Problem *string `json:"problem" doc:"Why it was refused; null: it was not"`
}
