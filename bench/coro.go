// SPDX-License-Identifier: MIT
//
// coro.go - Go's part of bench/coro: prints ns per operation, or bytes per sleeping goroutine. One processor, for the
// others have one thread.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

func cpuNs() float64 {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return float64(usage.Utime.Nano() + usage.Stime.Nano())
}

func yield100(n int) {
	var group sync.WaitGroup
	for i := 0; i < 100; i++ {
		group.Add(1)
		go func() {
			for j := 0; j < n/100; j++ {
				runtime.Gosched()
			}
			group.Done()
		}()
	}
	group.Wait()
}

func spawnJoin(n int) {
	for i := 0; i < n; i++ {
		done := make(chan struct{})
		go close(done)
		<-done
	}
}

func hits(from, to chan int, n int, group *sync.WaitGroup) {
	for i := 0; i < n; i++ {
		to <- <-from
	}
	group.Done()
}

func pingpong(n int) {
	ping, pong := make(chan int, 1), make(chan int, 1)
	var group sync.WaitGroup
	group.Add(2)
	go hits(ping, pong, n/2, &group)
	go hits(pong, ping, n/2, &group)
	ping <- 0
	group.Wait()
}

func sleepingBytes(n int) float64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := 0; i < n; i++ {
		go time.Sleep(time.Duration(1000+i) * time.Second)
	}
	time.Sleep(time.Second)
	runtime.ReadMemStats(&after)
	return float64(after.Sys-before.Sys) / float64(n)
}

func main() {
	runtime.GOMAXPROCS(1)
	n, _ := strconv.Atoi(os.Args[2])
	begin := cpuNs()
	switch os.Args[1] {
	case "yield100":
		yield100(n)
	case "spawn_join":
		spawnJoin(n)
	case "pingpong":
		pingpong(n)
	case "sleeping_bytes":
		fmt.Println(sleepingBytes(n))
		return
	default:
		os.Exit(1) // it has no such row
	}
	fmt.Println((cpuNs() - begin) / float64(n))
}
