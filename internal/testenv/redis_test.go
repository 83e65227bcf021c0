package testenv

import "testing"

func TestEveryCallReturnsAnotherDatabase(t *testing.T) {
	if a, b := Redis(t), Redis(t); a == b {
		t.Errorf("two calls returned %s", a)
	}
}

func TestRestartedRedisIsEmpty(t *testing.T) {
	s := StartRedis(t)
	if got := s.Do(t, "SET", "here", "1"); got != "OK" {
		t.Errorf("SET: %s", got)
	}
	s.Stop()
	s.Restart(t)
	if got := s.Do(t, "EXISTS", "here"); got != "0" {
		t.Errorf("after a restart: %s", got)
	}
}
