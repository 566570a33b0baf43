// Package server is the process: it loads the policy file, keeps the secrets,
// opens the listeners, answers until it is told to stop, and drains.
//
// [Run] owns everything that it starts and returns when all of it has stopped.
package server
