package store

// Turns are row locks: a transaction that takes one waits for whoever took it before and has not
// finished, and what it reads after it stays true until its commit. On SQLite, which has one writer,
// everybody's turn comes anyway.

// TakeOwnTurn makes transactions that take it for one member follow each other; the workspace is named
// by slug or id. ErrNotFound when there is no such member.
func (tx *Tx) TakeOwnTurn(ref, userID string) error {
	return tx.must(`update members set turn = turn + 1 where user_id = $2 and workspace_id = (select w.id from workspaces w where `+byRef(ref)+`)`, ref, userID)
}

// TakeEveryTurn takes the turn of every member of a workspace: nothing that takes one is going on.
func (tx *Tx) TakeEveryTurn(workspaceID string) error {
	_, err := tx.exec(`update members set turn = turn + 1 where workspace_id = $1`, workspaceID)
	return err
}

// TakeInstallationTurn makes changes of who administers the installation follow each other.
func (tx *Tx) TakeInstallationTurn() error {
	_, err := tx.exec(`update users set installation_admin = $1 where installation_admin = $1`, true)
	return err
}

// HoldPassword keeps a person's password as it is until the commit; ErrNotFound when it is no longer the
// one whose hash is given.
func (tx *Tx) HoldPassword(userID, hash string) error {
	return tx.must(`update users set password_hash = $2 where id = $1 and password_hash = $2`, userID, hash)
}

// DropLinks ends a person's one-time links.
func (tx *Tx) DropLinks(userID string) error {
	_, err := tx.exec(`delete from links where user_id = $1`, userID)
	return err
}
