package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// roleVariable says that a process is a child, and which.
const roleVariable = "KEYWRIGHT_BENCH_ROLE"

// roles are what a child can be. Each reads JSON values and answers each with one, and ends when its
// input does.
func roles() map[string]func(context.Context, *dialogue) error {
	return map[string]func(context.Context, *dialogue) error{
		"bare": playBare, "serve": playServer, "load": playLoad, "check": playChecks, "create": playCreations,
		"sign": playSigning, "read": playReading, "bare-rows": playBareRows,
	}
}

func play(ctx context.Context, role string, in io.Reader, out io.Writer) error {
	fn, ok := roles()[role]
	if !ok {
		return fmt.Errorf("no role %q", role)
	}
	return fn(ctx, &dialogue{in: json.NewDecoder(in), out: json.NewEncoder(out)})
}

// dialogue is a child's side.
type dialogue struct {
	in  *json.Decoder
	out *json.Encoder
}

// each answers every question until there are no more.
func each[Q, A any](d *dialogue, answer func(Q) (A, error)) error {
	for {
		var q Q
		if err := d.in.Decode(&q); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		a, err := answer(q)
		if err != nil {
			return err
		}
		if err := d.out.Encode(a); err != nil {
			return err
		}
	}
}

// child is a process of our own, seen by the parent.
type child struct {
	role string
	cmd  *exec.Cmd
	in   io.WriteCloser
	put  *json.Encoder
	says *json.Decoder
}

// Processors of the measured and of those who measure. On a machine with one, both are it.
func serverCPU() int { return 0 }
func loadCPU() int   { return runtime.NumCPU() - 1 }

// begin starts a child on one processor.
func (b *bench) begin(role string, cpu int) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{role: role, cmd: exec.CommandContext(b.ctx, self)}
	c.cmd.Env = append(os.Environ(), roleVariable+"="+role, "GOMAXPROCS=1")
	c.cmd.Stderr = os.Stderr
	c.cmd.WaitDelay = 10 * time.Second
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.put, c.says = json.NewEncoder(c.in), json.NewDecoder(out)
	return c, pinned(cpu, c.cmd.Start)
}

// ask puts a question and waits for the answer.
func (c *child) ask(question, answer any) error {
	if err := c.put.Encode(question); err != nil {
		return fmt.Errorf("%s: %w", c.role, err)
	}
	if err := c.says.Decode(answer); err != nil {
		return fmt.Errorf("%s ended: %w", c.role, err)
	}
	return nil
}

// end lets the child finish, and waits for it.
func (c *child) end() error {
	cerr := c.in.Close()
	if err := c.cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w", c.role, err)
	}
	return cerr
}
