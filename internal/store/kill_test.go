package store_test

const childEnv = "KEYWRIGHT_STORE_TEST_CHILD"

func runChild(string) {}
