package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// program is one that runs beside this one, and whose end is heard of.
type program struct {
	cmd   *exec.Cmd
	ended chan error // holds the outcome from then on
}

// startProgram starts a program that answers at an address, and returns when it does.
// What it prints goes to the end of the file log.
func startProgram(ctx context.Context, cmd *exec.Cmd, address, log string) (*program, error) {
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	cmd.Stdout, cmd.Stderr = file, file
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &program{cmd: cmd, ended: make(chan error, 1)}
	go func() { p.ended <- cmd.Wait() }()
	if err := p.answers(ctx, address); err != nil {
		text, _ := os.ReadFile(log)
		return nil, errors.Join(fmt.Errorf("%s does not answer: %w: %s", cmd.Args, err, text), p.stop(syscall.SIGTERM))
	}
	return p, nil
}

// startPatience bounds the wait for a program that starts, on however busy a machine:
// a new record is first brought through all migrations.
const startPatience = 5 * time.Minute

// answers returns once the address answers with 200, looking every few milliseconds: a
// program that starts tells nobody when it is up. It fails when the program ends before.
func (p *program) answers(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	client := http.Client{Timeout: 2 * time.Second}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		if answer, err := client.Do(req); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case err := <-p.ended:
			p.ended <- err
			return fmt.Errorf("it has ended: %w", err)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// await looks every few milliseconds until something is so that nobody tells of. Where it
// takes longer than a start may, it says what is not.
func await(ctx context.Context, not func() string, is func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		if yes, err := is(ctx); yes || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", not(), context.Cause(ctx))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// stop sends a signal, and returns how the program ended.
func (p *program) stop(signal syscall.Signal) error {
	_ = p.cmd.Process.Signal(signal)
	err := <-p.ended
	p.ended <- err
	return err
}

// portTries is how often a program is started anew whose port somebody took meanwhile.
const portTries = 5

// onFreePorts starts something that listens on ports which were free a moment ago, until
// they still are.
func onFreePorts[T any](ctx context.Context, start func() (T, error)) (started T, err error) {
	for range portTries {
		if started, err = start(); err == nil || ctx.Err() != nil {
			break
		}
	}
	return started, err
}
