package api

// Problem is a refusal, as application/problem+json (RFC 9457 section 3). Programs switch on Code; Detail
// is a sentence for people, and may change.
type Problem struct {
	Type      string       `json:"type" doc:"Where this code is explained" example:"/api/v1/docs#name_taken"`
	Title     string       `json:"title" doc:"The code in words" example:"Name taken"`
	Status    int          `json:"status" doc:"The status of the answer" example:"409"`
	Detail    string       `json:"detail" doc:"What to do about it; never repeats ids or secrets" example:"You already have a token with this name. Choose another name."`
	Code      Code         `json:"code" doc:"Stable reason" example:"name_taken"`
	RequestID string       `json:"request_id" doc:"For the administrator, who finds the request by it in the log" example:"req_06exqjvr4w8h3k5t7y9a1c3e5g"`
	Errors    []FieldError `json:"errors" doc:"One entry for each field that is wrong"`
}

// FieldError is what is wrong with one field of a request.
type FieldError struct {
	Field  string `json:"field" doc:"As it was written, with dots for nesting" example:"name"`
	Code   Code   `json:"code" doc:"Stable reason" example:"name_taken"`
	Detail string `json:"detail" doc:"What to do about it" example:"You already have a token with this name. Choose another name."`
}
