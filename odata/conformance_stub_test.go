package odata_test

func expressions() []requirement       { return nil }
func differences() []requirement       { return nil }
