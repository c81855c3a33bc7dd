UPDATE customer SET nickname = 'x' WHERE nickname IS NULL;
