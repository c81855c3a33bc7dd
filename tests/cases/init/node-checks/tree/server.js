app.get('/health', answer); app.listen(process.env.PORT)
