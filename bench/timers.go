// SPDX-License-Identifier: MIT
//
// timers.go N EXTRA - Go's part of bench/timers: prints insert, cancel, fire and re-arm, CPU ns per timer. Nobody can
// move Go's clock, so the timers that fire have their deadlines in three seconds, not in a minute, and fire as they come due.
package main

import (
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

func cpu() int64 {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return used.Utime.Nano() + used.Stime.Nano()
}

func measure(ops int, run func()) float64 {
	runtime.GC()
	begin := cpu()
	run()
	return float64(cpu()-begin) / float64(ops)
}

func main() {
	count, _ := strconv.Atoi(os.Args[1])
	extra, _ := strconv.Atoi(os.Args[2])
	runtime.GOMAXPROCS(1)
	var left int64 = int64(count)
	done := make(chan bool)
	fired := func() {
		if atomic.AddInt64(&left, -1) == 0 {
			done <- true
		}
	}
	timers := make([]*time.Timer, count+extra)
	delay := func(seconds int) time.Duration {
		return time.Second + time.Duration(rand.Int63n(int64(time.Second)*int64(seconds)))
	}
	insert := func(from, to, seconds int) {
		for i := from; i < to; i++ {
			timers[i] = time.AfterFunc(delay(seconds), fired)
		}
	}
	cancel := func(from, to int) {
		for i := from; i < to; i++ {
			timers[i].Stop()
		}
	}
	insert(0, count, 600)
	inserting := measure(extra, func() { insert(count, count+extra, 600) })
	cancelling := measure(extra, func() { cancel(count, count+extra) })
	rearming := measure(count, func() {
		for turn := 0; turn < 1000; turn++ {
			for i := 0; i < count; i += 1000 {
				timers[i].Reset(delay(600) + time.Second)
			}
		}
	})
	cancel(0, count)
	insert(0, count, 3)
	firing := measure(count, func() { <-done })
	fmt.Println(inserting, cancelling, firing, rearming)
}
