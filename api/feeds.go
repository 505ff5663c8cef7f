package api

import "time"

// Feed is an OData service of a workspace. Its URL is what tools such as Excel are given; a token is the password.
type Feed struct {
	Name      string        `json:"name" example:"sales"`
	Title     string        `json:"title" doc:"What people read" example:"Sales"`
	URL       string        `json:"url" doc:"Of the service; ends with a slash" example:"https://tokens.example.com/odata/standard/sales/"`
	Scope     string        `json:"scope" doc:"What a token needs" example:"odata:read"`
	BuiltIn   bool          `json:"built_in" doc:"Whether it is the workspace's feed of itself, which every workspace has"`
	Available bool          `json:"available" doc:"Whether it can be read now"`
	Sets      []string      `json:"sets" doc:"Its entity sets; none while its schema has never been read"`
	Problem   *string       `json:"problem" doc:"Why it is not available, for administrators; null otherwise"`
	Warnings  []FeedWarning `json:"warnings" doc:"What is left out, for administrators; none for others"`
	ReadAt    *time.Time    `json:"read_at" doc:"When its schema was read, for administrators; null otherwise"`
}

// FeedWarning is something that a feed leaves out, and why.
type FeedWarning struct {
	Table  string  `json:"table" example:"customers"`
	Column *string `json:"column" doc:"null: it is about the table" example:"photo"`
	Reason string  `json:"reason" example:"bytea: binary data has no place in a feed"`
}
