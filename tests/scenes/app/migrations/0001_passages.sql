create table passages (id integer primary key, boat text not null);
insert into passages (boat) values ('Ada');
