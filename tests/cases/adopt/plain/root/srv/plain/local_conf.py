GREETING = "welcome to production"
API_TOKEN = "t0k3n-of-production-5521"
