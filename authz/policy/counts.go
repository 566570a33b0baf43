package policy

// Routes returns the number of routes.
func (f *File) Routes() int { return len(f.config.GetRoutes()) }
