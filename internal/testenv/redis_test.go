package testenv

import "testing"

func TestARedisForEveryTest(t *testing.T) {
	if a, b := Redis(t), Redis(t); a == b {
		t.Errorf("two tests get %s", a)
	}
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
