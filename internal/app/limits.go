package app

import "memoai.tech/memo/internal/ratelimit"

// Limit returns how many calls of a class are accepted within [ratelimit.Period].
func (a *App) Limit(class ratelimit.Class) int { return a.limits.Limit(class) }
